# SPDX-License-Identifier: Apache-2.0
"""Errors of the library as exceptions of Python."""

import copy
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import traceback
import unittest

import gnomon
from case import NEURON, TEXTS, ModelCase


class ErrorsTest(ModelCase):
    def test_each_error_is_also_the_fitting_built_in(self):
        cases = [
            (
                lambda: gnomon.parse_site("blocks.2.hook_resid_pst", self.model.config),
                gnomon.ArgumentError,
                ValueError,
                "E011",
            ),
            (
                lambda: gnomon.parse_site("blocks.99.hook_resid_post", self.model.config),
                gnomon.ArgumentError,
                ValueError,
                "E012",
            ),
            (lambda: gnomon.Model.load("no-such-model"), gnomon.NotFoundError, FileNotFoundError, "E031"),
            (lambda: gnomon.load_run("/nowhere/run"), gnomon.FileError, OSError, "E031"),
            (lambda: gnomon.pearson([1, 2], [1, 2, 3]), gnomon.ShapeError, ValueError, "E010"),
            (lambda: gnomon.pearson([1, float("nan")], [1, 2]), gnomon.NumericError, ArithmeticError, "E002"),
            (lambda: gnomon.capture(self.model, [""], NEURON), gnomon.ArgumentError, ValueError, "E014"),
            (
                lambda: gnomon.capture(self.model, ["a"], "blocks.1.hook_resid_post@40"),
                gnomon.ArgumentError,
                ValueError,
                "E012",
            ),
            (lambda: gnomon.command("patch", "--no-such-option"), gnomon.ArgumentError, ValueError, "E010"),
        ]
        for call, error, built_in, code in cases:
            with self.subTest(code=code, error=error), self.assertRaises(error) as caught:
                call()
            self.assertIsInstance(caught.exception, gnomon.Error)
            self.assertIsInstance(caught.exception, built_in)
            self.assertEqual(caught.exception.code, code)
            self.assertEqual(str(caught.exception), caught.exception.message)

    def test_the_hint_is_shown(self):
        try:
            gnomon.Model.load("smolm2-135m")
        except gnomon.NotFoundError as error:
            self.assertIn("did you mean", error.message)
            self.assertTrue(error.hint.startswith("gnomon model fetch"))
            self.assertIn("hint: gnomon model fetch", "".join(traceback.format_exception(error)))
        else:
            self.fail("no error")

    def test_a_single_text_is_refused(self):
        with self.assertRaisesRegex(gnomon.ArgumentError, "one text"):
            gnomon.capture(self.model, TEXTS[0], NEURON)
        for wrong in ([3], [None], [[0.5]], [[2**40]]):
            with self.subTest(texts=wrong), self.assertRaises(gnomon.ArgumentError):
                gnomon.capture(self.model, wrong, NEURON)

    def test_pickle_and_copy(self):
        for error in (gnomon.ArgumentError("a", code="E011", kind="k", hint="h"), gnomon.NotFoundError("b", hint="c")):
            for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
                self.assertEqual(
                    (type(again), str(again), again.code, again.hint), (type(error), str(error), error.code, error.hint)
                )

    def test_codes_are_those_of_the_command(self):
        table = {row["code"]: row for row in gnomon.error_code_table()}
        self.assertEqual(len(table), 16)
        self.assertIn(table["E031"]["kind"], self.run_command("explain", "E031"))


class InterruptTest(unittest.TestCase):
    """Ctrl-C, as a process gets it."""

    def interrupted(self, body):
        program = textwrap.dedent(
            """
            import json, os, signal, sys, threading, time
            import gnomon
            model = gnomon.Model.load("gnomon-books")
            texts = [f"Text number {i} about a sundial and its shadow." for i in range(300000)]
            def loud(*a):
                sys.stdout.write("running\\n"); sys.stdout.flush()
            """
        ) + textwrap.dedent(body)
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "running\n")
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def test_a_call_is_stopped(self):
        status, out, err = self.interrupted(
            """
            n = [0]
            def first(done, total):
                n[0] += 1
                if n[0] == 1: loud()
            try:
                gnomon.capture(model, texts, "blocks.3.hook_resid_post@last", progress=first)
            except KeyboardInterrupt as error:
                print("stopped", type(error).__name__)
            # And what comes after runs as ever.
            print(gnomon.capture(model, texts[:2], "blocks.0.hook_resid_pre@last").activations[0].n_row)
            """
        )
        self.assertEqual((status, out.split()), (0, ["stopped", "KeyboardInterrupt", "2"]), err)

    def test_a_call_without_callbacks_is_stopped(self):
        status, out, err = self.interrupted(
            """
            loud()
            try:
                gnomon.capture(model, texts, "blocks.3.hook_resid_post@last")
            except KeyboardInterrupt:
                print("stopped")
            """
        )
        self.assertEqual((status, out.split()), (0, ["stopped"]), err)

    def test_without_a_handler_python_ends_as_usual(self):
        status, _, err = self.interrupted("loud(); gnomon.capture(model, texts, 'blocks.3.hook_resid_post@last')")
        self.assertEqual(status, -signal.SIGINT)
        self.assertIn("KeyboardInterrupt", err)

    def test_the_users_own_handler_is_called(self):
        status, out, err = self.interrupted(
            """
            class Mine(Exception): pass
            def handler(number, frame): raise Mine("mine")
            signal.signal(signal.SIGINT, handler)
            loud()
            try:
                gnomon.capture(model, texts, "blocks.3.hook_resid_post@last")
            except Mine:
                print("mine", signal.getsignal(signal.SIGINT) is handler)
            """
        )
        self.assertEqual((status, out.split()), (0, ["mine", "True"]), err)

    def test_a_call_in_a_thread_is_stopped(self):
        status, out, err = self.interrupted(
            """
            result = []
            def work():
                try:
                    gnomon.capture(model, texts, "blocks.3.hook_resid_post@last")
                except KeyboardInterrupt as error:
                    result.append(type(error).__name__ + getattr(error, "code", ""))
            thread = threading.Thread(target=work)
            thread.start()
            loud()
            try:
                while thread.is_alive(): time.sleep(0.01)
            except KeyboardInterrupt:
                pass
            thread.join()
            print(*result)
            """
        )
        self.assertEqual((status, out.split()), (0, ["InterruptedE070"]), err)


if __name__ == "__main__":
    unittest.main()
