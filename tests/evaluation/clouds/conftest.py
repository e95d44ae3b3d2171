"""Rooms for every test here."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("cloud_rooms", Path(__file__).with_name("rooms.py"))
_ROOMS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_ROOMS)


@pytest.fixture(scope="session")
def rooms():
    return _ROOMS.rooms


@pytest.fixture(scope="session")
def room_scan():
    return _ROOMS.room_scan
