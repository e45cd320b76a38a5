"""Opinions merged: the vote in examples, and what holds for all of them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_lab.ai.agreement import GRAVITY, merge
from athena_lab.events import Assessment, Consensus, Difference, Ioc, Opinion

KINDS = msgspec.inspect.type_info(Ioc).fields[0].type.values


def says(provider, verdict="malicious", confidence=80, family=None, *, techniques=(), iocs=(), summary=None):
    found = Assessment(verdict, family, confidence, techniques, iocs, summary or f"So says {provider}.")
    return Opinion(provider, f"m-{provider}", found)


def silent(provider, error="rate_limited"):
    return Opinion(provider, f"m-{provider}", error=error)


def of(*opinions, asked=None):
    return merge(opinions, asked or len(opinions))


def difference(consensus, member):
    return next((it.said for it in consensus.differences if it.member == member), None)


def test_all_agree():
    consensus = of(says("a", confidence=60), says("b", confidence=90))
    assert consensus.agreement == 1.0
    assert consensus.merged == Assessment("malicious", None, 75, (), (), "2 of 2 say malicious (a, b).\n\nSo says b.")
    assert consensus.differences == ()


def test_the_sentence_tells_who_says_what_who_is_silent_and_who_could_not_be_asked():
    opinions = (says("b"), says("a"), says("d", "benign"), says("e", "suspicious", 10), silent("c"))
    text = of(*opinions, asked=7).merged.summary.partition("\n\n")[0]
    assert text == (
        "2 of 4 say malicious (a, b); e says suspicious; d says benign; c gave no assessment (rate_limited); "
        "7 were to be asked, and only 5 can be."
    )


@pytest.mark.parametrize(
    ("opinions", "verdict", "agreement"),
    [
        ((says("a", "benign", 90), says("b", "malicious", 40), says("c", "malicious", 40)), "benign", 1 / 3),
        ((says("a", "benign", 90), says("b", "malicious", 50), says("c", "malicious", 50)), "malicious", 2 / 3),
        ((says("a", "benign", 80), says("b", "malicious", 80)), "malicious", 0.5),
        ((says("a", "unknown", 80), says("b", "benign", 80)), "unknown", 0.5),
        ((says("a", "unknown", 0), says("b", "suspicious", 0)), "suspicious", 0.5),
    ],
)
def test_the_verdict_has_the_most_confidence_behind_it_and_the_graver_one_of_equals(opinions, verdict, agreement):
    consensus = of(*opinions)
    assert (consensus.merged.verdict, consensus.agreement) == (verdict, pytest.approx(agreement))
    behind = [it.assessment.confidence for it in opinions if it.assessment and it.assessment.verdict == verdict]
    assert consensus.merged.confidence == round(sum(behind) / len(behind) * agreement)


@pytest.mark.parametrize(
    ("families", "family"),
    [
        (("Emotet", "Emotet", "Qakbot"), "Emotet"),
        (("Agent Tesla", "AgentTesla", "Qakbot"), "AgentTesla"),  # as the more confident of the two writes it
        (("Emotet", None), "Emotet"),
        (("Emotet", None, None), None),
        (("Emotet", "Qakbot"), "Qakbot"),
        ((None, None), None),
        (("unknown", "Emotet"), "Emotet"),
        (("N/A", "none"), None),
    ],
)
def test_the_family_is_what_most_say(families, family):
    consensus = of(*(says(name, confidence=50 + at, family=it) for at, (name, it) in enumerate(zip("abc", families))))  # noqa: B905 - as many as there are
    assert consensus.merged.family == family


def test_the_family_is_chosen_by_those_behind_the_verdict():
    opinions = (says("a", family="Emotet"), says("b", "benign", 10, "X"), says("c", "benign", 10, "X"))
    consensus = of(*opinions)
    assert consensus.merged.family == "Emotet"
    assert difference(consensus, "family") == {"Emotet": ("a",), "X": ("b", "c")}


def test_indicators_and_techniques_are_united_and_who_does_not_name_them_differs():
    one, two = Ioc("domain", "C2.example"), Ioc("url", "http://c2.example/A")
    consensus = of(
        says("a", techniques=("T1055",), iocs=(one,)),
        says("b", techniques=("T1055", "T1027"), iocs=(Ioc("domain", "c2.EXAMPLE"), two)),
    )
    assert consensus.merged.techniques == ("T1055", "T1027")
    assert consensus.merged.iocs == (one, two)
    assert difference(consensus, "techniques") == {"T1027": ("b",)}
    assert difference(consensus, "iocs") == {"url http://c2.example/A": ("b",)}
    assert difference(consensus, "verdict") is None


def test_who_names_something_twice_is_counted_once():
    consensus = of(says("a", techniques=("T1055", "T1055")), says("b", techniques=("T1027",)))
    assert consensus.merged.techniques == ("T1027", "T1055")


def test_nobody_gave_an_assessment():
    opinions = (silent("a"), silent("b", "refused"))
    assert of(*opinions) == Consensus(None, None, opinions)


def test_a_long_summary_is_cut():
    merged = of(says("a", summary="x" * 32_768)).merged
    assert len(merged.summary) == 32_768
    assert merged.summary.endswith("x…")


TECHNIQUES = st.integers(0, 300).map(lambda n: f"T{1000 + n}")
IOCS = st.builds(Ioc, st.sampled_from(KINDS), st.text("aAbB.", min_size=1, max_size=4))
ASSESSMENTS = st.builds(
    Assessment,
    st.sampled_from(GRAVITY),
    st.none() | st.sampled_from(["Emotet", "emotet", "Agent Tesla", "AgentTesla", "", "?", "None"]),
    st.integers(0, 100),
    st.lists(TECHNIQUES, max_size=64).map(tuple),
    st.lists(IOCS, max_size=80).map(tuple),
    st.text(min_size=1, max_size=9),
)
OPINIONS = st.lists(st.none() | ASSESSMENTS, max_size=7).map(
    lambda given: [Opinion(name, "m", it) if it else silent(name) for name, it in zip("abcdefg", given, strict=False)]
)


def valid(assessment):
    return msgspec.convert(msgspec.to_builtins(assessment), Assessment) == assessment


@given(OPINIONS, st.randoms())
def test_the_order_in_which_they_are_heard_is_no_matter(opinions, chance):
    shuffled = opinions[:]
    chance.shuffle(shuffled)
    one, other = of(*opinions), of(*shuffled)
    assert (one.merged, one.agreement, one.differences) == (other.merged, other.agreement, other.differences)
    assert msgspec.json.encode(one.differences) == msgspec.json.encode(other.differences)


@given(OPINIONS)
@settings(max_examples=300)
def test_what_always_holds(opinions):
    consensus = of(*opinions)
    given_ = [it.assessment for it in opinions if it.assessment is not None]
    assert (consensus.merged is None) == (not given_)
    assert (consensus.agreement is None) == (len(given_) < 2)
    assert consensus.agreement is None or 0 < consensus.agreement <= 1
    assert consensus.opinions == tuple(opinions)
    if consensus.merged is None:
        return
    merged = consensus.merged
    assert valid(merged)
    assert merged.verdict in {it.verdict for it in given_}
    assert set(merged.techniques) <= {technique for it in given_ for technique in it.techniques}
    assert set(merged.iocs) <= {ioc for it in given_ for ioc in it.iocs}
    assert (consensus.agreement in {1, None}) == (difference(consensus, "verdict") is None)
    names = {it.provider for it in opinions if it.assessment is not None}
    for it in consensus.differences:
        assert isinstance(it, Difference)
        assert it.said
        assert all(who and set(who) <= names for who in it.said.values())


def test_one_alone_agrees_with_nobody():
    consensus = of(says("a", confidence=60), silent("b"), silent("c"))
    assert (consensus.agreement, consensus.merged.verdict, consensus.merged.confidence) == (None, "malicious", 60)
    assert of(silent("a"), silent("b")).agreement is None


@given(ASSESSMENTS, st.integers(2, 7))
def test_who_all_say_the_same_do_not_differ(assessment, count):
    consensus = of(*(Opinion(name, "m", assessment) for name in "abcdefg"[:count]))
    assert (consensus.agreement, consensus.differences) == (1.0, ())
    assert consensus.merged.verdict == assessment.verdict
    assert consensus.merged.confidence == assessment.confidence


@given(st.integers(1, 7), st.integers(0, 64), st.integers(0, 256))
@settings(max_examples=30)
def test_as_much_as_an_assessment_holds(count, techniques, iocs):
    opinions = [
        says(
            name,
            techniques=tuple(f"T{1000 + 100 * at + n}" for n in range(techniques)),
            iocs=tuple(Ioc("path", f"{name}{n}") for n in range(iocs)),
        )
        for at, name in enumerate("abcdefg"[:count])
    ]
    merged = of(*opinions).merged
    assert valid(merged)
    assert len(merged.techniques) == min(64, count * techniques)
    assert len(merged.iocs) == min(256, count * iocs)
