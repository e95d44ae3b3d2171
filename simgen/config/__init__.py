"""Configs: strict YAML with presets and overrides, held against typed parameters."""

from __future__ import annotations

from simgen.config.check import model_check
from simgen.config.frames import Frames, Moment
from simgen.config.merge import presets
from simgen.config.model import Config, Sampling, config_from_plain, load_config
from simgen.config.schema import json_schema

__all__ = [
    "Config",
    "Frames",
    "Moment",
    "Sampling",
    "config_from_plain",
    "json_schema",
    "load_config",
    "model_check",
    "presets",
]
