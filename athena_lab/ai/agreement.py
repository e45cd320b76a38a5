"""What several providers say, merged: by vote, whatever the order in which they are heard."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from athena_lab.events import Assessment, Consensus, Difference

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from athena_lab.events import Ioc, Opinion

Verdict = Literal["benign", "unknown", "suspicious", "malicious"]
GRAVITY: Final[tuple[Verdict, ...]] = ("benign", "unknown", "suspicious", "malicious")
"""From the least to the gravest verdict: of those with the same weight the gravest stands."""
MAX_TECHNIQUES: Final = 64
MAX_IOCS: Final = 256
MAX_SUMMARY: Final = 32_768
"""Characters. These three are what an `Assessment` holds."""
NO_FAMILY: Final = "none"
_NO_NAMES: Final = frozenset({"", "na", "none", "null", "unknown"})
"""What models write where there is none to name."""
_ANY_CASE: Final = frozenset({"domain", "email", "ipv6", "md5", "sha1", "sha256"})
"""Indicators in which small and capital letters are the same."""

_Given = tuple[str, Assessment]
"""A provider, and what it says."""
_T = TypeVar("_T")


def merge(opinions: Sequence[Opinion], asked: int) -> Consensus:
    """The consensus of providers of different names. ``asked``: how many were to be; fewer may have been able.

    - verdict: the one with the greatest sum of confidences;
    - agreement: the share of those who gave an assessment that stand behind it, where at least two did;
    - family: what most of those say; of equals a name before none, then by confidence;
    - confidence: theirs on average, times the agreement;
    - techniques, indicators: all that anybody names, those that most name first, as many as an assessment holds;
    - summary: of whoever of them is most confident, after one sentence that tells who says what.

    Differences are told in verdict, family, techniques and indicators: confidences and texts always differ.
    """
    given = behind(opinions)
    if not given:
        return Consensus(None, None, tuple(opinions))
    verdict = _heaviest(given)
    agreeing = behind(opinions, verdict)
    share = len(agreeing) / len(given)
    techniques = _union(given, lambda it: it.techniques, str, MAX_TECHNIQUES)
    iocs = _union(given, lambda it: it.iocs, _same, MAX_IOCS)
    merged = Assessment(
        verdict=verdict,
        family=_family(agreeing),
        confidence=round(sum(it.confidence for _, it in agreeing) / len(agreeing) * share),
        techniques=tuple(techniques),
        iocs=tuple(iocs),
        summary=_cut(f"{sentence(opinions, verdict, asked)}\n\n{spokesman(agreeing)[1].summary}"),
    )
    everybody = tuple(name for name, _ in given)
    differences = (
        _difference("verdict", _by(given, lambda it: it.verdict)),
        _difference("family", _families(given)),
        _difference("techniques", _not_of_all(techniques, everybody)),
        _difference("iocs", {f"{ioc.kind} {ioc.value}": said for ioc, said in _not_of_all(iocs, everybody).items()}),
    )
    agreement = share if len(given) > 1 else None
    return Consensus(merged, agreement, tuple(opinions), tuple(it for it in differences if it is not None))


def sentence(opinions: Sequence[Opinion], verdict: str, asked: int) -> str:
    """Who says what, in one line. Nothing of it is written by a model."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    silent = []
    for opinion in sorted(opinions, key=lambda it: it.provider):
        if opinion.assessment is not None:
            said[opinion.assessment.verdict].append(opinion.provider)
        else:
            silent.append(f"{opinion.provider} gave no assessment ({opinion.error})")
    heard, behind = sum(map(len, said.values())), said.pop(verdict)
    parts = [f"{len(behind)} of {heard} {'say' if len(behind) > 1 else 'says'} {verdict} ({', '.join(behind)})"]
    graver_first = sorted(said, key=GRAVITY.index, reverse=True)
    parts += [f"{', '.join(said[it])} {'say' if len(said[it]) > 1 else 'says'} {it}" for it in graver_first]
    parts += silent
    if len(opinions) < asked:
        parts.append(f"{asked} were to be asked, and only {len(opinions)} can be")
    return "; ".join(parts) + "."


def behind(opinions: Sequence[Opinion], verdict: str | None = None) -> list[_Given]:
    """Who gave an assessment, or this verdict, and what each says, by name."""
    given = [(it.provider, it.assessment) for it in opinions if it.assessment is not None]
    return sorted((one for one in given if verdict in {None, one[1].verdict}), key=lambda one: one[0])


def spokesman(given: Sequence[_Given]) -> _Given:
    """Whoever is most confident, of equals the first by name."""
    return min(given, key=lambda one: (-one[1].confidence, one[0]))


def _heaviest(given: Sequence[_Given]) -> Verdict:
    weights = dict.fromkeys((it.verdict for _, it in given), 0)
    for _, it in given:
        weights[it.verdict] += it.confidence
    return max(weights, key=lambda verdict: (weights[verdict], GRAVITY.index(verdict)))


def _families(given: Sequence[_Given]) -> dict[str, tuple[str, ...]]:
    """Who names which, as the most confident of those who mean the same writes it."""
    means = _by(given, lambda it: _plain(it.family))
    by_name = dict(given)
    return {_written([(name, by_name[name]) for name in names]) or NO_FAMILY: names for names in means.values()}


def _family(agreeing: Sequence[_Given]) -> str | None:
    by_name = dict(agreeing)
    means = _by(agreeing, lambda it: _plain(it.family))
    most = max(
        means, key=lambda it: (len(means[it]), bool(it), sum(by_name[name].confidence for name in means[it]), it)
    )
    return _written([(name, by_name[name]) for name in means[most]])


def _written(given: Sequence[_Given]) -> str | None:
    family = spokesman(given)[1].family
    return family if _plain(family) else None


def _plain(family: str | None) -> str:
    """What remains of a name without what spellings differ in: "Agent Tesla" is "AgentTesla". "" for none."""
    plain = "".join(filter(str.isalnum, family or "")).casefold()
    return "" if plain in _NO_NAMES else plain


def _same(ioc: Ioc) -> tuple[str, str]:
    return ioc.kind, ioc.value.casefold() if ioc.kind in _ANY_CASE else ioc.value


def _by(given: Sequence[_Given], what: Callable[[Assessment], str]) -> dict[str, tuple[str, ...]]:
    said: dict[str, tuple[str, ...]] = {}
    for name, it in given:
        said[what(it)] = (*said.get(what(it), ()), name)
    return said


def _union(
    given: Sequence[_Given], what: Callable[[Assessment], Iterable[_T]], same: Callable[[_T], Hashable], most: int
) -> dict[_T, tuple[str, ...]]:
    """What any of them names and who does, those that most name first. Written as the first by name writes it."""
    written: dict[Hashable, _T] = {}
    said: dict[Hashable, dict[str, None]] = {}
    for name, it in given:
        for value in what(it):
            key = same(value)
            written.setdefault(key, value)
            said.setdefault(key, {})[name] = None
    order = sorted(said, key=lambda key: (-len(said[key]), str(key)))
    return {written[key]: tuple(said[key]) for key in order[:most]}


def _not_of_all(said: Mapping[_T, tuple[str, ...]], everybody: tuple[str, ...]) -> dict[_T, tuple[str, ...]]:
    return {value: names for value, names in said.items() if names != everybody}


def _difference(member: str, said: Mapping[str, tuple[str, ...]]) -> Difference | None:
    """None where all say the same."""
    everywhere = member in {"verdict", "family"} and len(said) == 1
    return Difference(member, dict(said)) if said and not everywhere else None


def _cut(summary: str) -> str:
    return summary if len(summary) <= MAX_SUMMARY else f"{summary[: MAX_SUMMARY - 1]}…"
