#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gnomon model fetch ORG/NAME against a hub on this machine, and its cache beside huggingface_hub's."""

import importlib.util
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

from gnomon_command import COMMAND, ROOT, run_gnomon
from hub_server import Fault, Hub, Repository, git_sha1, sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLD_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
TOKEN = "hf_test-token-1234567890"
EXIT = {"done": 0, "usage": 2, "input": 3, "write": 6, "unsupported": 7, "interrupted": 130}
HAS_PACKAGE = importlib.util.find_spec("huggingface_hub") is not None
needs_package = unittest.skipUnless(HAS_PACKAGE, "needs the Python package huggingface_hub")


def model_files():
    folder = ROOT / "assets/gnomon-books"
    names = ("README.md", "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
    return {name: (folder / name).read_bytes() for name in names}


def in_two_parts(files):
    """The same model with its weights in two files and an index."""
    whole = files["model.safetensors"]
    n = int.from_bytes(whole[:8], "little")
    header, data = json.loads(whole[8:8 + n]), whole[8 + n:]
    header.pop("__metadata__", None)
    names = sorted(header)
    parts, weight_map = {}, {}
    for i, some in enumerate((names[: len(names) // 2], names[len(names) // 2:])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        entries, content = {}, b""
        for name in some:
            begin, end = header[name]["data_offsets"]
            entries[name] = {**header[name],
                             "data_offsets": [len(content), len(content) + end - begin]}
            content += data[begin:end]
            weight_map[name] = file
        text = json.dumps(entries).encode()
        text += b" " * (-len(text) % 8)
        parts[file] = len(text).to_bytes(8, "little") + text + content
    index = json.dumps({"metadata": {}, "weight_map": weight_map}).encode()
    rest = {name: content for name, content in files.items() if name != "model.safetensors"}
    return {**rest, **parts, "model.safetensors.index.json": index}


class HubCase(unittest.TestCase):
    def setUp(self):
        self.files = model_files()
        self.weights = self.files["model.safetensors"]
        self.hub = Hub({
            "org/tiny": Repository(self.files, COMMIT),
            "org/parts": Repository(in_two_parts(self.files), COMMIT),
            "org/private": Repository(self.files, COMMIT, token=TOKEN),
            "org/gated": Repository(self.files, COMMIT, gated=True),
        })
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.cache = self.root / "hf/hub"
        self.repository = self.cache / "models--org--tiny"
        self.blob = self.repository / "blobs" / sha256(self.weights)
        self.part = self.blob.with_name(self.blob.name + ".incomplete")

    def tearDown(self):
        self.hub.close()
        self.folder.cleanup()

    def environment(self, **extra):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("HF_", "HUGGING", "TRANSFORMERS_"))
                and not key.lower().endswith("_proxy")}
        return {**kept, "HF_ENDPOINT": self.hub.address, "HF_HOME": str(self.root / "hf"),
                "HF_HUB_DISABLE_TELEMETRY": "1", **extra}

    def gnomon(self, *arguments, end="done", **extra):
        done = subprocess.run([COMMAND, *arguments], cwd=self.root, capture_output=True, text=True,
                              env=self.environment(**extra))
        self.assertEqual(done.returncode, EXIT[end], done.stdout + done.stderr)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        self.assertNotIn("secret-of-the-link", done.stdout + done.stderr)
        return done

    def fetch(self, name="org/tiny", **more):
        return self.gnomon("model", "fetch", name, **more)

    def start_fetch(self, name="org/tiny", **extra):
        return subprocess.Popen([COMMAND, "model", "fetch", name], cwd=self.root, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.environment(**extra))

    def package(self, code, **extra):
        """Runs the code with huggingface_hub; what it prints, by line."""
        done = subprocess.run([sys.executable, "-c", "import huggingface_hub as hub\n" + code],
                              capture_output=True, text=True, env=self.environment(**extra))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def store_gets(self):
        return self.hub.asked("store")

    def fault(self, kind, match="store", **details):
        self.hub.faults.append(Fault(kind, match, **details))

    def assert_whole(self, name="org/tiny"):
        """The model is in the cache, and loads without the network."""
        before = len(self.hub.requests)
        self.gnomon("model", "show", name)
        self.assertEqual(len(self.hub.requests), before)

    def names(self, folder):
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class Layout(HubCase):
    def test_is_that_of_the_package(self):
        done = self.fetch()
        snapshot = self.repository / "snapshots" / COMMIT
        self.assertEqual(done.stdout, f"{snapshot}\n")
        self.assertEqual((self.repository / "refs/main").read_bytes(), COMMIT.encode())
        chosen = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
        self.assertEqual(self.names(snapshot), chosen)
        for name in chosen:
            content = self.files[name]
            etag = sha256(content) if name == "model.safetensors" else git_sha1(content)
            self.assertEqual(os.readlink(snapshot / name), f"../../blobs/{etag}")
            self.assertEqual((snapshot / name).read_bytes(), content)
        self.assertEqual(len(self.names(self.repository / "blobs")), len(chosen))
        self.assertEqual(self.names(self.repository), ["blobs", "refs", "snapshots"])
        self.assertTrue((self.cache / "CACHEDIR.TAG").read_text()
                        .startswith("Signature: 8a477f597d28d172789f06886806bc55"))
        self.assertIn(f"{self.blob.name}.lock", self.names(self.cache / ".locks/models--org--tiny"))

    def test_size_is_told_first_and_the_revision_resolved_once(self):
        done = self.fetch()
        self.assertIn(f"org/tiny at commit {COMMIT}: 4 files, 4.6 MB, of which 4.6 MB to download",
                      done.stderr)
        asked = self.hub.asked("hub")
        resolving = [request for request in asked if "/revision/" in request.path]
        self.assertEqual(len(resolving), 1)
        for request in asked + self.hub.asked("hub", "HEAD"):
            self.assertTrue(request in resolving or COMMIT in request.path, request.path)

    def test_json(self):
        shown = json.loads(self.gnomon("model", "fetch", "org/tiny@main", "--json").stdout)
        self.assertEqual((shown["name"], shown["revision"], shown["commit"]),
                         ("org/tiny", "main", COMMIT))
        self.assertEqual({file["name"]: file["hash"] for file in shown["files"]}["model.safetensors"],
                         sha256(self.weights))

    def test_model_is_used_without_the_network(self):
        self.fetch()
        before = len(self.hub.requests)
        for name in ("org/tiny", "org/tiny@main", f"org/tiny@{COMMIT}", f"org/tiny@{COMMIT[:7]}"):
            shown = json.loads(self.gnomon("model", "show", name, "--json").stdout)
            self.assertEqual(shown["name"], f"org/tiny@{COMMIT}")
        checked = json.loads(self.gnomon("model", "check", "org/tiny", "--json").stdout)
        self.assertEqual(checked["name"], f"org/tiny@{COMMIT}")
        self.assertEqual(len(self.hub.requests), before)

    def test_list_shows_whole_models_of_the_cache(self):
        self.fetch()
        self.fetch("org/parts")
        (self.cache / "models--org--parts/snapshots" / COMMIT / "model-00002-of-00002.safetensors").unlink()
        shown = json.loads(self.gnomon("model", "list", "--json").stdout)
        self.assertEqual(shown["hub_cache"], str(self.cache))
        paths = {row["name"]: row["path"] for row in shown["models"] if row["name"].startswith("org/")}
        self.assertEqual(paths, {f"org/tiny@{COMMIT}": str(self.repository / "snapshots" / COMMIT)})

    def test_second_fetch_downloads_nothing_and_repairs_what_is_damaged(self):
        self.fetch()
        n_get = len(self.store_gets())
        self.assertIn("of which 0 bytes to download", self.fetch().stderr)
        self.assertEqual(len(self.store_gets()), n_get)
        self.blob.write_bytes(bytes(len(self.weights)))
        self.fetch()
        self.assertEqual(self.blob.read_bytes(), self.weights)

    def test_revisions_share_blobs(self):
        older = {**self.files, "config.json": self.files["config.json"] + b"\n"}
        repository = self.hub.repositories["org/tiny"]
        repository.commits[OLD_COMMIT] = older
        repository.branches["v1/old"] = OLD_COMMIT
        self.fetch()
        n_get = len(self.store_gets())
        self.fetch("org/tiny@v1/old")
        self.assertEqual(len(self.store_gets()), n_get)
        self.assertEqual((self.repository / "refs/v1/old").read_text(), OLD_COMMIT)
        shown = json.loads(self.gnomon("model", "show", "org/tiny@v1/old", "--json").stdout)
        self.assertEqual(shown["name"], f"org/tiny@{OLD_COMMIT}")
        # A branch that moves is followed by the next fetch.
        repository.branches["main"] = OLD_COMMIT
        self.fetch()
        self.assertEqual((self.repository / "refs/main").read_text(), OLD_COMMIT)

    def test_weights_in_parts(self):
        self.fetch("org/parts")
        snapshot = self.cache / "models--org--parts/snapshots" / COMMIT
        self.assertIn("model-00002-of-00002.safetensors", self.names(snapshot))
        self.assert_whole("org/parts")
        (snapshot / "model-00001-of-00002.safetensors").unlink()
        done = self.gnomon("model", "show", "org/parts", end="input")
        self.assertIn(f"no model-00001-of-00002.safetensors in snapshots/{COMMIT}", done.stderr)

    def test_without_links(self):
        self.fetch(HF_HUB_DISABLE_SYMLINKS="1")
        snapshot = self.repository / "snapshots" / COMMIT
        self.assertEqual([path.name for path in snapshot.iterdir() if path.is_symlink()], [])
        self.assertEqual((snapshot / "model.safetensors").read_bytes(), self.weights)
        self.assertEqual(self.names(self.repository / "blobs"), [])
        self.assert_whole()
        n_get = len(self.store_gets())
        self.fetch(HF_HUB_DISABLE_SYMLINKS="1")
        self.fetch()
        self.assertEqual(len(self.store_gets()), n_get)

    def test_files_that_are_alike_or_empty(self):
        files = {**self.files, "vocab.json": b"{}", "added_tokens.json": b"{}", "merges.txt": b""}
        self.hub.repositories["org/alike"] = Repository(files, COMMIT)
        for links in ("", "1"):
            cache = self.root / f"cache{links}"
            self.fetch("org/alike", HF_HUB_DISABLE_SYMLINKS=links, HF_HUB_CACHE=str(cache))
            snapshot = cache / "models--org--alike/snapshots" / COMMIT
            for name in ("vocab.json", "added_tokens.json", "merges.txt"):
                self.assertEqual((snapshot / name).read_bytes(), files[name])

    def test_cache_of_the_environment(self):
        for variables, cache in (
                ({"HF_HUB_CACHE": str(self.root / "a")}, self.root / "a"),
                ({"HUGGINGFACE_HUB_CACHE": str(self.root / "b")}, self.root / "b"),
                ({"HF_HOME": "", "XDG_CACHE_HOME": str(self.root / "c")},
                 self.root / "c/huggingface/hub"),
                ({"HF_HOME": "~/d", "HOME": str(self.root)}, self.root / "d/hub")):
            done = self.fetch(**variables)
            self.assertEqual(done.stdout,
                             f"{cache}/models--org--tiny/snapshots/{COMMIT}\n")


@needs_package
class BesideThePackage(HubCase):
    def test_package_reads_what_gnomon_fetched(self):
        snapshot = self.fetch().stdout.strip()
        n_request = len(self.hub.requests)
        printed = self.package(
            "print(hub.snapshot_download('org/tiny', local_files_only=True))\n"
            "print(hub.try_to_load_from_cache('org/tiny', 'model.safetensors'))\n"
            f"print(hub.try_to_load_from_cache('org/tiny', 'config.json', revision='{COMMIT}'))\n"
            "repo, = hub.scan_cache_dir().repos\n"
            "print(repo.repo_id, repo.nb_files, [str(w) for w in hub.scan_cache_dir().warnings])",
            HF_HUB_OFFLINE="1")
        self.assertEqual(printed, [snapshot, f"{snapshot}/model.safetensors",
                                   f"{snapshot}/config.json", "org/tiny 4 []"])
        self.assertEqual(len(self.hub.requests), n_request)

    def test_package_adds_only_what_gnomon_left_out(self):
        self.fetch()
        n_get = len(self.store_gets())
        self.package("hub.snapshot_download('org/tiny')")
        self.assertEqual(len(self.store_gets()), n_get)
        self.assertIn("README.md", self.names(self.repository / "snapshots" / COMMIT))
        self.assert_whole()

    def test_gnomon_reads_what_the_package_fetched(self):
        for links in ("", "1"):
            with self.subTest(HF_HUB_DISABLE_SYMLINKS=links):
                home = str(self.root / f"home{links}")
                self.package("hub.snapshot_download('org/tiny')", HF_HOME=home,
                             HF_HUB_DISABLE_SYMLINKS=links)
                repository = pathlib.Path(home, "hub/models--org--tiny")
                self.assertIn("trees", self.names(repository))
                n_request = len(self.hub.requests)
                checked = json.loads(
                    self.gnomon("model", "check", "org/tiny", "--json", HF_HOME=home).stdout)
                self.assertEqual(checked["name"], f"org/tiny@{COMMIT}")
                self.assertEqual(len(self.hub.requests), n_request)
                n_get = len(self.store_gets())
                self.assertIn("of which 0 bytes to download", self.fetch(HF_HOME=home).stderr)
                self.assertEqual(len(self.store_gets()), n_get)

    def test_a_few_files_of_the_package_are_not_a_model(self):
        self.package("hub.hf_hub_download('org/tiny', 'config.json')")
        done = self.gnomon("model", "show", "org/tiny", end="input")
        self.assertIn(f"no model.safetensors in snapshots/{COMMIT}", done.stderr)
        self.assertIn("gnomon model fetch org/tiny", done.stderr)

    def test_package_waits_for_the_same_lock(self):
        self.fault("stall", after=1000, times=1)
        first = self.start_fetch(HF_HUB_DOWNLOAD_TIMEOUT="60")
        self.assertTrue(self.hub.stalled.wait(30))
        script = ("from filelock import FileLock, Timeout\n"
                  f"lock = FileLock({str(self.cache)!r} + '/.locks/models--org--tiny/"
                  f"{self.blob.name}.lock')\n"
                  "try: lock.acquire(timeout=0.2); print('free')\n"
                  "except Timeout: print('held')")
        self.assertEqual(self.package(script), ["held"])
        self.hub.release.set()
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(self.package(script), ["free"])


class Tokens(HubCase):
    def assert_sent(self, token):
        """To the hub, with every request; to the store never."""
        for request in self.hub.requests:
            expected = f"Bearer {token}" if token and request.server == "hub" else None
            self.assertEqual(request.headers.get("authorization"), expected, request.path)
        self.assertTrue(self.store_gets())

    def test_token_goes_to_the_hub_only(self):
        self.fetch("org/private", HF_TOKEN=TOKEN)
        self.assert_sent(TOKEN)
        for path in self.root.rglob("*"):
            if path.is_file():
                self.assertNotIn(TOKEN.encode(), path.read_bytes())

    def test_token_does_not_come_back_after_a_detour(self):
        self.fault("redirect", to=f"{self.hub.address}/detour")
        done = self.fetch("org/private", end="input", HF_TOKEN=TOKEN)
        self.assertIn("404", done.stderr)
        last = self.hub.requests[-1]
        self.assertEqual((last.server, last.path), ("hub", "/detour"))
        self.assertNotIn("authorization", last.headers)

    def test_order_of_the_places_of_a_token(self):
        home, other = self.root / "hf", self.root / "other"
        home.mkdir()
        (home / "token").write_text(f"  {TOKEN}\n")
        other.write_text("hf_other\n")
        self.fetch("org/private")
        self.assert_sent(TOKEN)
        for variables, token in (({"HF_TOKEN_PATH": str(other)}, "hf_other"),
                                 ({"HF_TOKEN_PATH": str(other), "HF_TOKEN": "hf_first"}, "hf_first"),
                                 ({"HF_HUB_DISABLE_IMPLICIT_TOKEN": "yes"}, None)):
            self.hub.requests.clear()
            self.fetch(HF_HUB_CACHE=str(self.root / f"cache-{token}"), **variables)
            self.assert_sent(token)

    def test_a_token_that_is_none_is_not_shown(self):
        done = self.fetch(end="usage", HF_TOKEN="secret\x01word")
        self.assertIn("the token of HF_TOKEN has characters", done.stderr)
        self.assertNotIn("word", done.stderr)
        self.assertEqual(self.hub.requests, [])


class Interruptions(HubCase):
    def assert_resumes(self, at_least=1):
        n_get = len(self.store_gets())
        self.fetch()
        begins = [int(request.headers["range"][6:-1]) for request in self.store_gets()[n_get:]]
        self.assertEqual(len(begins), 1)
        self.assertGreaterEqual(begins[0], at_least)
        self.assertEqual(self.blob.read_bytes(), self.weights)
        self.assertFalse(self.part.exists())
        self.assert_whole()

    def stop_in_the_middle(self, signal_number):
        self.fault("stall", after=3_000_000)
        process = self.start_fetch(HF_HUB_DOWNLOAD_TIMEOUT="60")
        self.assertTrue(self.hub.stalled.wait(30))
        while not self.part.exists() or self.part.stat().st_size < 2_000_000:
            self.assertIsNone(process.poll())
        process.send_signal(signal_number)
        _, err = process.communicate(timeout=30)
        self.hub.release.set()
        self.assertFalse((self.repository / "refs").exists())
        self.assertFalse((self.repository / "snapshots").exists())
        self.assertEqual([name for name in self.names(self.repository / "blobs") if "." in name],
                         [self.part.name])
        self.assertIn("no refs/main", self.gnomon("model", "show", "org/tiny", end="input").stderr)
        return process.returncode, err

    def test_killed_in_the_middle(self):
        status, _ = self.stop_in_the_middle(signal.SIGKILL)
        self.assertEqual(status, -signal.SIGKILL)
        self.assert_resumes(2_000_000)

    def test_interrupted_in_the_middle(self):
        status, err = self.stop_in_the_middle(signal.SIGINT)
        self.assertEqual(status, EXIT["interrupted"])
        self.assertIn("stopped on request", err)
        self.assert_resumes(2_000_000)

    def test_connection_that_is_cut(self):
        self.fault("cut", after=1_000_000, times=2)
        done = self.fetch()
        self.assertIn("again in 0.5 s", done.stderr)
        self.assertEqual([request.headers.get("range") for request in self.store_gets()],
                         [None, "bytes=1000000-", "bytes=2000000-"])
        self.assert_whole()

    def test_connection_that_is_cut_for_good(self):
        self.fault("cut", after=0, times=99)
        done = self.fetch(end="input")
        self.assertIn('fetch org/tiny@main: "model.safetensors": localhost: ', done.stderr)
        self.assertIn("5 times in a row", done.stderr)
        self.assertIn("gnomon model fetch org/tiny   (goes on where this stopped", done.stderr)

    def test_server_that_falls_silent(self):
        self.fault("stall", after=1_000_000, seconds=5)
        done = self.fetch(HF_HUB_DOWNLOAD_TIMEOUT="1")
        self.assertIn("nothing came for 1 s; again in", done.stderr)
        self.assert_whole()

    def test_slow_server(self):
        self.fault("slow", after=10)
        self.fetch(HF_HUB_DOWNLOAD_TIMEOUT="30")
        self.assertEqual(len(self.store_gets()), 1)
        self.assert_whole()

    def test_server_without_ranges(self):
        self.fault("cut", after=1_000_000)
        self.fault("no range")
        self.fetch()
        self.assertEqual(len(self.store_gets()), 2)
        self.assert_whole()

    def write_part(self, content):
        self.part.parent.mkdir(parents=True)
        self.part.write_bytes(content)

    def test_part_that_the_server_has_no_range_for(self):
        self.write_part(self.weights[:1000])
        self.fault("status", status=416)
        self.fetch()
        self.assertEqual([request.headers.get("range") for request in self.store_gets()],
                         ["bytes=1000-", None])
        self.assert_whole()

    def test_part_that_is_too_long_is_dropped(self):
        self.write_part(bytes(len(self.weights) + 1))
        self.fetch()
        self.assertIsNone(self.store_gets()[0].headers.get("range"))
        self.assert_whole()

    def test_part_that_is_whole_needs_no_request(self):
        self.write_part(self.weights)
        self.fetch()
        self.assertEqual(self.store_gets(), [])
        self.assert_whole()

    def test_part_that_is_damaged_is_fetched_anew(self):
        self.write_part(bytes(1000))
        done = self.fetch()
        self.assertIn("what was there before was damaged; from the beginning", done.stderr)
        self.assertEqual([request.headers.get("range") for request in self.store_gets()],
                         ["bytes=1000-", None])
        self.assert_whole()

    def test_other_range_than_asked_for(self):
        self.write_part(self.weights[:1000])
        self.fault("other range")
        done = self.fetch(end="input")
        self.assertIn("expected one from byte 1000", done.stderr)

    def test_two_at_once_download_once(self):
        self.fault("stall", after=1000, seconds=60)
        first = self.start_fetch(HF_HUB_DOWNLOAD_TIMEOUT="60")
        self.assertTrue(self.hub.stalled.wait(30))
        second = self.start_fetch()
        line = ""
        while "another process is fetching it" not in line:
            line = second.stderr.readline()
            self.assertNotEqual(line, "")
        self.hub.release.set()
        for process in (first, second):
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)
        # Of the first: what stalled, and the rest.
        self.assertEqual(len(self.store_gets()), 2)
        self.assert_whole()


class Refusals(HubCase):
    def refused(self, *words, name="org/tiny", end="input", **extra):
        done = self.fetch(name, end=end, **extra)
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def test_wrong_bytes_are_not_kept(self):
        self.fault("wrong bytes")
        self.refused('fetch org/tiny@main: "model.safetensors": what arrived does not have the '
                     f"SHA-256 {sha256(self.weights)}; it was not kept")
        self.assertFalse(self.part.exists() or self.blob.exists())
        self.assertFalse((self.repository / "snapshots").exists())
        self.fetch()
        self.assert_whole()

    def test_wrong_bytes_of_a_small_file(self):
        self.fault("wrong bytes", match="tokenizer.json", times=9)
        self.refused('"tokenizer.json"', "git SHA-1")

    def test_more_bytes_than_stated(self):
        self.fault("too long", times=9)
        self.refused(f"more than the {len(self.weights)} bytes came")

    def test_busy_server(self):
        self.fault("status", match="hub", status=503, times=2)
        self.fault("status", status=500)
        self.assertIn("answered 503; again in 0.5 s", self.fetch().stderr)
        self.assert_whole()

    def test_server_that_stays_busy(self):
        self.fault("status", match="hub", status=502, times=99)
        self.refused("fetch org/tiny@main: 127.0.0.1 answered 502, 5 times in a row", "try later")
        self.assertEqual(len(self.hub.requests), 5)

    def test_limit_that_names_its_time(self):
        self.fault("status", match="hub", status=429, headers={"Retry-After": "1"})
        self.assertIn("answered 429; again in 1.0 s", self.fetch().stderr)
        self.fault("status", match="hub", status=429, headers={"Retry-After": "3600"})
        self.refused("answered 429: it limits how often it is asked, and wants 3600 s of silence")

    def test_no_server(self):
        self.hub.close()
        self.refused("fetch org/tiny@main", "HF_ENDPOINT (http://127.0.0.1:")

    def test_model_of_the_cache_is_offered(self):
        self.fetch()
        self.hub.repositories["org/tiny"].token = TOKEN
        self.refused("401", f"the cache has commit {COMMIT}, which --model org/tiny takes")

    def test_unknown_or_private_repository(self):
        for name in ("org/nothing", "org/private"):
            self.refused("answered 401: there is no such repository, or it is private or gated",
                         "HF_TOKEN", name=name)
            self.refused("answered 404: there is no such repository", "the token that was sent",
                         name=name, HF_TOKEN="hf_other")
        self.refused("answered 403: reading it is not allowed: \"GatedRepo, says the server\"",
                     f"accept its terms at {self.hub.address}/org/gated", name="org/gated")

    def test_unknown_revision(self):
        self.refused('the repository has no revision "v9"', name="org/tiny@v9")

    def test_file_that_vanishes(self):
        self.fault("status", match="resolve", method="HEAD", status=404, times=99,
                   headers={"X-Error-Code": "EntryNotFound"})
        self.refused('"tokenizer.json": ', "answered 404: there is no such file")

    def test_other_commit_than_asked_for(self):
        self.hub.repositories["org/tiny"].branches[OLD_COMMIT] = COMMIT
        self.refused(f"the hub gave commit {COMMIT}", name=f"org/tiny@{OLD_COMMIT}")

    def test_file_without_a_hash(self):
        self.fault("status", match="tokenizer.json", method="HEAD", status=200,
                   headers={"ETag": '"../../../evil"'})
        self.refused('gave the ETag "../../../evil"')

    def test_file_of_another_commit(self):
        self.fault("status", match="tokenizer.json", method="HEAD", status=200,
                   headers={"ETag": git_sha1(b""), "X-Repo-Commit": OLD_COMMIT})
        self.refused(f'gave it at commit "{OLD_COMMIT}", expected {COMMIT}')

    def test_redirects_that_lead_nowhere(self):
        self.fault("redirect", match="hub", to="/again", times=99)
        self.refused("it redirects more than 10 times")
        self.assertEqual(len(self.hub.requests), 11)
        self.hub.faults.clear()
        self.fault("redirect", to="file:///etc/passwd")
        self.refused('"model.safetensors": localhost: it redirects to an address that is neither')

    def test_disk_that_fills_up(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))

        done = subprocess.run([COMMAND, "model", "fetch", "org/tiny"], preexec_fn=limit, text=True,
                              env=self.environment(), capture_output=True)
        self.assertEqual(done.returncode, EXIT["write"])
        self.assertIn(f'"{self.part}" cannot be written: File too large', done.stderr)
        self.assertEqual(self.part.stat().st_size, 2_000_000)
        self.fetch()
        self.assertEqual(self.store_gets()[-1].headers["range"], "bytes=2000000-")

    def test_cache_that_cannot_be_made(self):
        (self.root / "file").write_text("")
        self.refused("cannot be written", end="write", HF_HUB_CACHE=str(self.root / "file/hub"))

    def test_models_of_other_kinds(self):
        files = self.files
        for name, only, end, word in (
                ("org/pickle", "pytorch_model.bin", "unsupported", "pytorch_model.bin"),
                ("org/gguf", "tiny.Q4_0.gguf", "unsupported", '"tiny.Q4_0.gguf"'),
                ("org/none", "flax_model.msgpack", "input", '"flax_model.msgpack"')):
            self.hub.repositories[name] = Repository(
                {"config.json": files["config.json"], only: b"x"}, COMMIT)
            self.refused(word, f"fetch {name}@main", name=name, end=end)
        self.hub.repositories["org/data"] = Repository({"a.csv": b"1"}, COMMIT)
        self.refused('there is no "config.json", only "a.csv"', name="org/data")
        self.assertEqual(self.store_gets(), [])

    def test_index_that_leads_elsewhere(self):
        for file in ("../../../evil.safetensors", "/tmp/evil.safetensors", "a/b.safetensors", "..",
                     "config.json", "absent.safetensors"):
            index = json.dumps({"weight_map": {"wte": file}}).encode()
            files = {"config.json": self.files["config.json"], "model.safetensors.index.json": index}
            if file != "absent.safetensors":
                files[file] = b"evil"
            self.hub.repositories["org/index"] = Repository(files, COMMIT)
            self.refused("model.safetensors.index.json: ", name="org/index")
        self.assertEqual(self.store_gets(), [])

    def test_names_that_are_none(self):
        for name in ("../evil", "/etc/passwd", "org/", "/name", "org/na me", "org/a/b", "org/..",
                     "org/tiny@", "org/tiny@../../x", "org/tiny@a//b", "org/" + "n" * 97, "a--b/c"):
            self.refused("expected ORG/NAME or ORG/NAME@REV", name=name, end="usage")
        self.assertEqual(self.hub.requests, [])
        self.assertFalse((self.root / "hf").exists())

    def test_wrong_settings(self):
        self.refused("HF_ENDPOINT is not an address", end="usage",
                     HF_ENDPOINT="http://me:word@127.0.0.1")
        self.refused('HF_HUB_ETAG_TIMEOUT is "soon"', end="usage", HF_HUB_ETAG_TIMEOUT="soon")
        self.assertEqual(self.hub.requests, [])


class Offline(HubCase):
    def test_offline_asks_nobody(self):
        done = self.fetch(end="input", HF_HUB_OFFLINE="ON")
        self.assertIn(f'searched "{self.repository}" (no such folder)', done.stderr)
        self.assertIn("gnomon model fetch org/tiny   (without HF_HUB_OFFLINE", done.stderr)
        self.assertEqual(self.hub.requests, [])
        path = self.fetch().stdout
        n_request = len(self.hub.requests)
        self.assertEqual(self.fetch(HF_HUB_OFFLINE="1").stdout, path)
        self.assertEqual(len(self.hub.requests), n_request)

    def test_no_other_command_uses_the_network(self):
        done = self.gnomon("model", "show", "org/tiny@v2", end="input")
        self.assertIn(
            'model "org/tiny" is not in the Hugging Face cache at revision "v2", searched '
            f'"{self.repository}" (no such folder) and "{self.root}/org/tiny@v2" (no such folder)',
            done.stderr)
        self.assertIn("gnomon model fetch org/tiny@v2", done.stderr)
        self.assertEqual(self.hub.requests, [])

    def test_folder_of_that_name_comes_first(self):
        run_gnomon(self.root, "model", "init", "--family", "gpt2", "--n-layers", "1", "--d-model",
                   "8", "--n-heads", "2", "--d-vocab", "10", "--n-ctx", "8", "--out", "org/tiny")
        self.fetch()
        shown = json.loads(self.gnomon("model", "show", "org/tiny", "--json").stdout)
        self.assertEqual((shown["name"], shown["sizes"]["d_model"]), ("tiny", 8))


if __name__ == "__main__":
    unittest.main()
