# SPDX-License-Identifier: Apache-2.0
"""Experiments and commands, run in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from . import _gnomon
from .errors import ArgumentError
from .runs import Run, load_run

Progress = bool | Callable[[str, int, int], object] | None
Config = str | os.PathLike[str] | Mapping[str, object]


def _settings(config: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """The entries of nested dictionaries as --set takes them: 'train.epochs=5'."""
    import json

    for key, value in config.items():
        if not isinstance(key, str):
            raise ArgumentError(f"a key of the configuration is {key!r}, expected a text", code="E010", kind="usage")
        name = prefix + key
        if isinstance(value, Mapping):
            yield from _settings(value, name + ".")
            continue
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, tuple):
            value = list(value)
        try:
            # JSON's booleans, numbers, texts and lists are TOML's.
            yield f"{name}={json.dumps(value, allow_nan=False)}"
        except (TypeError, ValueError) as problem:
            raise ArgumentError(f"{name} is {value!r}, which no setting can be", code="E010", kind="usage") from problem


def _experiment(
    config: Config,
    overrides: Mapping[str, object] | None,
    out: str | os.PathLike[str] | None,
    runs_dir: str | os.PathLike[str],
    analyses: bool,
    progress: Progress,
) -> Run:
    settings: list[str] = []
    path = ""
    if isinstance(config, Mapping):
        settings += _settings(config)
    else:
        path = os.fspath(config)
    settings += _settings(overrides or {})
    folder = _gnomon.run_experiment(path, settings, os.fspath(out or ""), os.fspath(runs_dir), analyses, progress)
    return load_run(folder)


def run(
    config: Config,
    *,
    set: Mapping[str, object] | None = None,
    out: str | os.PathLike[str] | None = None,
    runs_dir: str | os.PathLike[str] = "runs",
    progress: Progress = None,
) -> Run:
    """An experiment in order: data, training, scores, projections, ladders, checks. What `gnomon run` does.

    * config: a TOML or JSON file, or a dictionary with the same keys, nested or with dots.
    * set: settings in place of the configuration's.
    * out: the run directory; one that is there goes on, and only what is stale is done. A new one in `runs_dir` without.
    * progress: True for lines on sys.stderr, or a function of (stage, done, total).

    Ctrl-C stops it after a step, and the same call goes on from there. Raises CheckError where an identity does not
    hold; the run is then there to be looked into.
    """
    return _experiment(config, set, out, runs_dir, True, progress)


def train(
    config: Config,
    *,
    set: Mapping[str, object] | None = None,
    out: str | os.PathLike[str] | None = None,
    runs_dir: str | os.PathLike[str] = "runs",
    progress: Progress = None,
) -> Run:
    """The same without projections and ladders: `gnomon train`."""
    return _experiment(config, set, out, runs_dir, False, progress)


def train_reporter(
    model: _gnomon.Model,
    texts: _gnomon.StudyTexts,
    targets: _gnomon.Target | Sequence[_gnomon.Target],
    *,
    options: Mapping[str, object] | None = None,
    feature_site: str | _gnomon.NamedSite | None = None,
    seed: int = 0,
    progress: bool | Callable[[int, int], object] | None = None,
) -> _gnomon.TrainedReporter:
    """Trains a reporter in memory and returns it at its best epoch.

    * options: the settings of a configuration's table `train`: {"epochs": 5, "trained": {"part": "after_target"}}.
    * feature_site: where a head reads; the last block's hook_resid_post at the targets' position where it is not given.
    """
    settings = [f"seed={seed}", *_settings(options or {}, "train.")]
    wanted = [targets] if isinstance(targets, _gnomon.Target) else list(targets)
    return _gnomon.train_reporter(model, texts, wanted, settings, feature_site, progress)


def command(
    *arguments: str | os.PathLike[str], progress: bool | Callable[[str, int, int], object] | None = None
) -> str:
    """Runs the command `gnomon` in this process and returns what it prints: command("explain", "hook_resid_mid").

    Raises what the command reports. `gnomon help` lists the commands; "--json" makes most of them print JSON.
    """
    return _gnomon.run_command([os.fspath(argument) for argument in arguments], progress)
