"""Whether JSON fits a type of an SDK, as those write requests: TypedDicts, in which no member may be unknown."""

from __future__ import annotations

import collections.abc
import types
import typing
from functools import cache

import typing_extensions

_MARKS = (typing_extensions.Required, typing_extensions.NotRequired, typing.Required, typing.NotRequired)
_LISTS = (list, tuple, collections.abc.Iterable, collections.abc.Sequence)
_DICTS = (dict, collections.abc.Mapping)


@cache
def _members(kind):
    return typing_extensions.get_type_hints(kind, include_extras=True)


def fits(value, kind):  # noqa: PLR0911 - one for each kind of type
    """Types that are no JSON's, such as dates and files, fit nothing."""
    origin, inner = typing_extensions.get_origin(kind), typing_extensions.get_args(kind)
    if kind in {object, typing.Any}:
        return True
    if isinstance(kind, typing_extensions.TypeAliasType):
        return fits(value, kind.__value__)
    if origin in _MARKS or origin is typing.Annotated:
        return fits(value, inner[0])
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, below) for below in inner)
    if origin is typing.Literal:
        return value in inner
    if origin in _LISTS:
        return isinstance(value, list) and all(fits(item, inner[0]) for item in value)
    if origin in _DICTS or kind is dict:
        return isinstance(value, dict) and all(fits(item, inner[1] if inner else object) for item in value.values())
    if typing_extensions.is_typeddict(kind):
        return _is(value, kind)
    if kind is float:
        return isinstance(value, int | float)
    return value is None if kind in {None, type(None)} else isinstance(kind, type) and type(value) is kind


def _is(value, kind):
    if not isinstance(value, dict):
        return False
    members = _members(kind)
    missing = {name for name, member in members.items() if _required(kind, name, member)} - set(value)
    return not missing and all(name in members and fits(item, members[name]) for name, item in value.items())


def _required(kind, name, member):
    """SDKs write annotations as text, in which Python does not see the marks."""
    origin = typing_extensions.get_origin(member)
    if origin in {typing_extensions.Required, typing.Required}:
        return True
    return name in kind.__required_keys__ and getattr(kind, "__total__", True) and origin is None
