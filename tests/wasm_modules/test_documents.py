"""Documents and mail: what the built component finds in them, held against oletools, pypdf and Python's own email.

oletools' and pikepdf's test files are fetched, and read in memory; nothing of them is kept in the repository. The share
that agrees is printed for each suite, and has a floor. What does not agree is listed with its reason.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import golden
import msgspec
import office
import pypdf
import pytest
import suites
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from athena_lab.report.facts import FileFacts
from tests import documents

if TYPE_CHECKING:
    from harness import Guest

    from athena_lab.report.document import DocumentFacts, MacroModule
    from athena_lab.wasm.contract import Output

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses what pyparsing calls deprecated
    from oletools import olevba, rtfobj

pytestmark = pytest.mark.filterwarnings("ignore:::oletools", "ignore:::pyparsing", "ignore:::olefile")

OLETOOLS = "oletools==0.60.2"
PIKEPDF = "pikepdf==9.5.2"
ZIP_PASSWORD = b"infected-test"
"""oletools' own, which keeps scanners from its test files; none of them does harm."""
ENCRYPTED = "encrypted"
"""Folder of files with a password; those whose password Excel itself tries are not decrypted here either."""

Read = Callable[[bytes], tuple[FileFacts, "Output"]]


@pytest.fixture
def read(guest: Callable[[str], Guest]) -> Read:
    def call(sample: bytes) -> tuple[FileFacts, Output]:
        output = guest("file-processor").call("analyze", sample)
        return msgspec.json.decode(output.data, type=FileFacts), output

    return call


def severities(output: Output) -> dict[str, str]:
    return {finding.id: finding.severity for finding in output.findings}


def oletools_files(folder: str = "") -> Iterator[tuple[str, bytes]]:
    root = suites.sdist(OLETOOLS) / "tests" / "test-data"
    for path in sorted((root / folder).rglob("*")):
        if not path.is_file() or not path.stat().st_size:
            continue
        name = path.relative_to(root).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    yield name, archive.read(member, pwd=ZIP_PASSWORD)
        else:
            yield name, path.read_bytes()


def modules(facts: FileFacts) -> list[MacroModule]:
    return [module for it in facts.documents for project in it.macros for module in project.modules]


def olevba_modules(name: str, content: bytes) -> dict[str, str]:
    """Source by the module's name, of documents; olevba takes any text for a macro."""
    if content.startswith(b"{\\rt"):
        return {}  # which it refuses
    parser = olevba.VBA_Parser(name, data=content)
    if parser.type == olevba.TYPE_TEXT or not parser.detect_vba_macros():
        return {}
    macros = [(file, code) for _, _, file, code in parser.extract_macros() if isinstance(code, str)]
    return {file.rpartition(".")[0]: code for file, code in macros if file.endswith((".bas", ".cls", ".frm"))}


# -- what is in the samples --------------------------------------------------------------------------------------------


def only(facts: FileFacts) -> DocumentFacts:
    (document,) = facts.documents
    return document


def test_macros_have_their_project_kinds_source_and_lines(read: Read) -> None:
    facts, output = read(office.word_document())
    (project,) = only(facts).macros
    assert (project.name, project.code_page, project.place) == ("Project", 1252, "Macros/VBA")
    assert project.references[0].endswith("OLE Automation")
    first, second = project.modules
    assert (first.kind, first.automatic, first.calls[0].line) == ("document", ("AutoOpen",), 3)
    assert "' Größe" in second.source
    assert second.sha256 == hashlib.sha256(second.source.encode("cp1252")).hexdigest()
    assert severities(output)["suspicious-macros"] == severities(output)["dde"] == "high"
    assert "vba-stomping" not in severities(output)


def test_the_source_of_macros_and_scripts_is_a_file_inside(read: Read) -> None:
    """What undoes and runs scripts gets it like any other file; modules that only have attributes are no code."""
    facts, _ = read(office.word_document())
    whole = "\r\n".join(module.source for module in only(facts).macros[0].modules).encode()
    (child,) = [child for child in facts.children if child.kind == "source"]
    assert (child.name, child.size, child.sha256) == ("Project.bas", len(whole), hashlib.sha256(whole).hexdigest())
    assert child.format == "vba"
    facts, _ = read(documents.pdf())
    (child,) = [child for child in facts.children if child.kind == "source"]
    assert (child.name, child.sha256) == ("object 2.js", hashlib.sha256(b"app.alert(1)").hexdigest())
    facts, _ = read(documents.compound({"VBA": b"", "Filled": documents.vba_module(documents.MACRO) + bytes(999)}))
    assert [child.format for child in facts.children if child.kind == "source"] == ["vba"]
    empty = office.vba_storage({"ThisDocument": ("", b"\x01\x16\x01" + bytes(30))})
    facts, _ = read(office.Compound(version=4).build({"WordDocument": b"\xec\xa5" + bytes(510), "Macros": empty}))
    assert only(facts).macros
    assert not [child for child in facts.children if child.kind == "source"]


def test_a_source_that_was_replaced_is_told_by_its_compiled_form(read: Read) -> None:
    _, output = read(office.stomped_document())
    (finding,) = [finding for finding in output.findings if finding.id == "vba-stomping"]
    assert [evidence.text for evidence in finding.evidence] == ["cmd.exe /c calc", "AutoOpen runs"]


def test_excel_4_macros_are_decoded_in_old_and_new_workbooks(read: Read) -> None:
    facts, output = read(office.macro_workbook())
    (sheet,) = only(facts).macro_sheets
    assert (sheet.state, sheet.automatic) == ("very-hidden", ("Auto_Open",))
    assert [(it.cell, it.text) for it in sheet.formulas] == [("A1", '=EXEC("calc.exe")'), ("A2", "=HALT()")]
    assert severities(output)["suspicious-excel4-macros"] == severities(output)["hidden-macro-sheet"] == "high"
    facts, _ = read(office.macro_package())
    (sheet,) = only(facts).macro_sheets
    assert (sheet.name, sheet.state, sheet.count) == ("M&M", "hidden", 2)
    assert [(link.kind, link.target) for link in only(facts).links] == [("dde", "cmd /c calc")]


@pytest.mark.parametrize(
    ("build", "names", "content"),
    [
        (office.packaged_document, ["note.txt"], b"plain text in a package\n"),
        (office.rtf_package, ["note.txt"], b"inert\n"),
        (office.outlook_message, ["note.txt", "in.bin"], b"attached\n"),
        (office.winmail, ["note.txt"], b"attached\n"),
        (office.notebook, ["file at 0x424"], b"@echo off\r\nrem inert\r\n"),
        (office.mail_with_archive, ["ä.zip", "note.txt"], documents.archive({"note.txt": b"text\n"})),
        (documents.form_pdf, ["a.txt", "object 10.js", "form in object 4.js"], b"hello"),
    ],
)
def test_files_within_are_children(read: Read, build: Callable[[], bytes], names: list[str], content: bytes) -> None:
    facts, _ = read(build())
    assert [child.name for child in facts.children] == names
    assert facts.children[0].sha256 == hashlib.sha256(content).hexdigest()


def test_a_message_tells_its_header_text_and_what_is_odd(read: Read) -> None:
    facts, output = read(office.mail_with_archive())
    mail = facts.documents[0].mail
    assert mail is not None
    assert (mail.subject, mail.sender) == ("Invoice ä", "Böss <a@example.test>")
    assert {"reply-to-elsewhere", "authentication-failed", "misleading-link"} <= set(severities(output))
    facts, _ = read(office.outlook_message())
    mail = facts.documents[0].mail
    assert mail is not None
    assert (mail.sender, mail.recipients) == ("A Sender <a@example.invalid>", ("B <b@example.invalid>",))


def test_a_flat_document_has_its_macros_and_template(read: Read) -> None:
    facts, output = read(office.flat_document())
    assert [module.name for module in modules(facts)] == ["ThisDocument", "Modul"]
    assert severities(output)["external-template"] == "high"


def test_a_pdf_tells_its_scripts_and_its_latest_metadata(read: Read) -> None:
    facts, output = read(documents.form_pdf())
    assert [script.source for script in only(facts).scripts] == ["eval(unescape('%61'))", 'app.alert("x")']
    assert facts.container is not None
    assert facts.container.properties["title"] == "second"
    assert (facts.container.properties["revisions"], facts.container.properties["pages"]) == ("2", "1")
    assert severities(output)["pdf-automatic-javascript"] == "high"


def test_every_kind_of_child_can_be_taken_out(guest: Callable[[str], Guest]) -> None:
    sample = office.mail_with_archive()
    part = msgspec.json.decode(guest("file-processor").call("extract", sample, index=1).data)
    assert part["child"]["name"] == "note.txt"
    assert part["content"] == "dGV4dAo="


# -- oletools ----------------------------------------------------------------------------------------------------------


def test_macro_sources_are_olevba_s(read: Read, say: Callable[[str], None]) -> None:
    files = [
        *oletools_files(),
        *((name, golden.sample(name)) for name in ("macros.doc", "stomped.docm")),
    ]
    total = agreed = 0
    different = []
    for name, content in files:
        theirs = olevba_modules(name, content)
        if not theirs:
            continue
        ours = {module.name: module.source for module in modules(read(content)[0])}
        for module, source in theirs.items():
            total += 1
            agreed += ours.get(module, "").splitlines() == source.splitlines()
            different += [] if ours.get(module, "").splitlines() == source.splitlines() else [f"{name}: {module}"]
    say(f"olevba: {agreed} of {total} modules have the same source")
    assert total >= 10
    assert agreed == total, different


LINKS = {"msodde": "dde", "oleobj/external_link": "external-template"}
QUIET = ("harmless-clean", "RTF-Spec")


@pytest.mark.parametrize("folder", LINKS)
def test_links_are_found_where_oletools_tests_say_that_they_are(
    read: Read, folder: str, say: Callable[[str], None]
) -> None:
    missed, total = [], 0
    for name, content in oletools_files(folder):
        found = severities(read(content)[1])
        is_quiet = any(part in name for part in QUIET)
        assert not (is_quiet and {"high", "medium"} & set(found.values())), name
        total += 1
        missed += [] if is_quiet or LINKS[folder] in found else [name]
    say(f"oletools {folder}: {total - len(missed)} of {total}")
    assert total >= 10
    assert not missed


EMBEDDED = {
    "embedded-simple": (49, 57),
    "embedded-unicode": (96,),
    "calc_embedded": (31_232,),
    "lnk_file": (1_220,),
}
"""Sizes of the embedded files by the file's name, as oletools' own tests have them."""


def test_packaged_files_are_those_of_oletools_tests(read: Read, say: Callable[[str], None]) -> None:
    missed, total = [], 0
    for name, content in oletools_files("oleobj"):
        sizes = next((sizes for part, sizes in EMBEDDED.items() if part in name), ())
        if not sizes:
            continue
        objects = [item for it in read(content)[0].documents for item in it.objects if item.kind == "ole-package"]
        total += 1
        missed += [] if objects and objects[-1].size in sizes and objects[-1].sha256 else [name]
    say(f"oletools oleobj: {total - len(missed)} of {total}")
    assert total >= 30
    assert not missed


def test_excel_4_macros_are_those_of_oletools_tests(read: Read, say: Callable[[str], None]) -> None:
    texts = {'=ALERT("This is a sample Excel 4 macro")', "=HALT()"}
    files = list(oletools_files("excel4-macros"))
    for name, content in files:
        facts = read(content)[0]
        (sheet,) = [sheet for it in facts.documents for sheet in it.macro_sheets]
        assert facts.format.id == "xlsm" or not name.endswith(("xlsm", "xltm")), name
        assert {formula.text for formula in sheet.formulas} == texts, name
        assert sheet.automatic, name
    say(f"oletools excel4-macros: {len(files)} of {len(files)}")
    assert len(files) >= 6


def test_encrypted_documents_are_said_to_be(read: Read, say: Callable[[str], None]) -> None:
    files = list(oletools_files(ENCRYPTED))
    silent = [name for name, content in files if "encrypted-document" not in severities(read(content)[1])]
    say(f"oletools encrypted: {len(files) - len(silent)} of {len(files)}")
    assert len(files) >= 15
    assert not silent


def test_rtf_objects_are_rtfobj_s(read: Read, say: Callable[[str], None]) -> None:
    files = dict(oletools_files("rtfobj"))
    samples = {name: golden.sample(name) for name in ("packaged.rtf", "equation.rtf")}
    total = 0
    for name, content in (files | samples).items():
        parser = rtfobj.RtfObjParser(content)
        parser.parse()
        facts, _ = read(content)
        assert facts.container is not None
        assert [entry.size for entry in facts.container.entries] == [len(it.rawdata) for it in parser.objects], name
        packages = [hashlib.sha256(it.olepkgdata).hexdigest() for it in parser.objects if it.is_package]
        ours = [item for it in facts.documents for item in it.objects if item.kind == "ole-package"]
        assert [item.sha256 for item in ours] == packages, name
        total += len(parser.objects)
    say(f"rtfobj: {total} of {total} objects are equal")
    assert total >= 4


# -- pypdf -------------------------------------------------------------------------------------------------------------

SCRIPT = "app.alert('héllo 日');"
ALGORITHMS = ("", "RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256")


def made_pdf(algorithm: str) -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject(SCRIPT)}
    writer._root_object[NameObject("/OpenAction")] = writer._add_object(DictionaryObject(action))
    writer.add_attachment("nöte.txt", b"attached text")
    writer.add_metadata({"/Title": "Größe"})
    if algorithm:
        writer.encrypt("", "owner", algorithm=algorithm)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pdfs_that_open_without_a_password_are_read(read: Read, algorithm: str) -> None:
    facts, output = read(made_pdf(algorithm))
    document = facts.documents[0]
    assert [script.source for script in document.scripts] == [SCRIPT]
    assert [(item.name, item.sha256) for item in document.objects] == [
        ("nöte.txt", hashlib.sha256(b"attached text").hexdigest())
    ]
    assert facts.container is not None
    assert facts.container.properties["title"] == "Größe"
    assert ("pdf-encrypted" in severities(output)) == bool(algorithm)


NOT_READ_BY_PYPDF = {"378014596.pdf"}
"""A fuzzer's file without an end, which pypdf refuses."""
WITH_A_PASSWORD = {"graph-encrypted.pdf"}


def pikepdf_files() -> list[Path]:
    files = sorted(suites.sdist(PIKEPDF).rglob("*.pdf"))
    return [path for path in files if path.name not in NOT_READ_BY_PYPDF | WITH_A_PASSWORD]


def pdf_fields(path: Path) -> dict[str, Any]:
    reader = pypdf.PdfReader(path)
    title = (reader.metadata or {}).get("/Title")
    attached = {name: [len(content) for content in contents] for name, contents in reader.attachments.items()}
    return {"pages": str(len(reader.pages)), "title": str(title).replace("\0", "").strip(), "attached": attached}


@pytest.mark.timeout(600)  # pip prepares its build to fetch it
@pytest.mark.filterwarnings("ignore")  # pypdf's, of damaged files
def test_pages_titles_and_attachments_are_pypdf_s(read: Read, say: Callable[[str], None]) -> None:
    files = pikepdf_files()
    different = []
    for path in files:
        facts, output = read(path.read_bytes())
        assert facts.container is not None
        properties = facts.container.properties
        items = [item for it in facts.documents for item in it.objects]
        title = properties.get("title", "None").replace("\0", "").strip()
        ours = {"pages": properties["pages"], "title": title, "attached": {it.name: [it.size] for it in items}}
        different += [] if ours == pdf_fields(path) else [path.name]
        assert not {"high", "medium"} & set(severities(output).values()), path.name
    say(f"pypdf: {len(files) - len(different)} of {len(files)} files agree")
    assert len(files) >= 25
    assert not different


# -- mail --------------------------------------------------------------------------------------------------------------


def python_mail() -> list[Path]:
    folder = pytest.importorskip("test.test_email").__path__[0]
    return sorted(Path(folder, "data").glob("msg_*.txt"))


def leaves(message: Any) -> list[bytes]:
    """Contents of parts with a name; a message within is one part."""
    found = []
    for part in message.iter_parts() if message.is_multipart() else ():
        if part.get_content_maintype() == "multipart":
            found += leaves(part)
        elif part.get_filename() and part.get_content_maintype() != "message":
            found.append(part.get_payload(decode=True))
    return found


def test_headers_and_attachments_are_python_s(read: Read, say: Callable[[str], None]) -> None:
    different, total = [], 0
    for path in python_mail():
        content = path.read_bytes()
        facts, _ = read(content)
        if facts.format.id != "eml":
            continue
        mail = next((it.mail for it in facts.documents if it.mail), None)
        if mail is None:
            continue
        theirs = email.message_from_bytes(content, policy=email.policy.default)
        total += 1
        digests = {hashlib.sha256(leaf).hexdigest() for leaf in leaves(theirs)}
        ours = {item.sha256 for it in facts.documents if it.child is None for item in it.objects}
        subject = " ".join(str(theirs.get("subject", "")).split())
        is_equal = " ".join(mail.subject.split()) == subject and digests <= ours
        different += [] if is_equal else [path.name]
    say(f"email: {total - len(different)} of {total} messages agree")
    assert total >= 20
    assert not different


# -- benign files ------------------------------------------------------------------------------------------------------


def test_honest_texts_of_this_repository_raise_nothing(read: Read) -> None:
    root = Path(__file__).resolve().parents[2]
    files = [
        *root.glob("*.md"),
        *root.glob("*.toml"),
        *(root / "athena_lab").rglob("*.py"),
        *(root / "notebooks").rglob("*.ipynb"),
    ]
    for path in filter(lambda path: path.stat().st_size, files):
        found = severities(read(path.read_bytes())[1])
        assert not {"dde", "dde-2", "external-template", "obfuscated-object"} & set(found), path.name
    assert len(files) > 100
