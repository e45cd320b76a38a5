"""Reports for the tests, made of facts that are as hostile as can be where they are text."""

from __future__ import annotations

import msgspec

from athena_lab.errors import ModuleTrap
from athena_lab.report import Evidence, Finding, ModuleResult, Report, build_report
from athena_lab.report import behaviour as b
from athena_lab.report import capture as k
from athena_lab.report import conclusion as e
from athena_lab.report import contents as x
from athena_lab.report import crypto as c
from athena_lab.report import deobfuscation as o
from athena_lab.report import document as d
from athena_lab.report import facts as f
from athena_lab.report import network as n
from athena_lab.report import patterns as p
from athena_lab.report.children import Child
from athena_lab.report.tree import Lead, Node
from athena_lab.sample import Sample

SHA = "ab" * 32
SLOTS = {
    "analysis-engine": "conclusion",
    "crypto": "crypto",
    "network": "network",
    "pattern-matcher": "patterns",
    "sandbox": "sandbox",
    "deobfuscator": "deobfuscation",
}
HOSTILE = (
    "<script>alert(1)</script> \u202egnp.exe\x1b[2J http://evil.example/a?b=1&c=2 10.1.2.3 `|` ![x](http://e.vil/p)"
)

FINDINGS = (
    Finding("overlay", "low", 90, "Data behind the end of the image", evidence=(Evidence(offset=4096, length=512),)),
    Finding(
        "packer",
        "high",
        80,
        "Looks packed",
        HOSTILE,
        (Evidence(offset=0x400, length=16, text=HOSTILE),),
        ("T1027.002", HOSTILE),
    ),
    Finding("no-signature", "info", 100, "Not signed"),
    Finding("odd-sections", "high", 95, "Sections are writable and executable"),
)


def file_facts(**changes: object) -> f.FileFacts:
    """Facts of a PE file in which every text is hostile."""
    made = f.FileFacts(
        size=65_536,
        hashes=f.Hashes("0" * 32, "1" * 40, SHA),
        format=f.Format(
            "pe", "PE32 executable (console) x86", "application/vnd.microsoft.portable-executable", "executable"
        ),
        entropy=f.EntropyProfile(6.1, 256, tuple(i % 9 * 0.99 for i in range(256))),
        executables=(executable(),),
        container=f.Container(
            "zip", 2, (f.Entry(HOSTILE, 12, 8, 0, encrypted=True), f.Entry("b", 1)), {HOSTILE: HOSTILE}
        ),
        children=(
            Child(0, 1, HOSTILE, "zip-entry", 12, sha256=SHA, format="zip"),
            Child(1, 2, HOSTILE, HOSTILE, 64 << 20, parent=0, offset=3, format=HOSTILE, cut=True),
        ),
        contents=contents(),
        documents=(document_facts(),),
        strings=f.Strings(5000, tuple(f.StringItem(i * 16, "ascii", HOSTILE) for i in range(500))),
    )
    return msgspec.structs.replace(made, **changes)


def contents() -> x.Contents:
    """One of each, which no real file has."""
    many = (HOSTILE,) * 3
    return x.Contents(
        shortcut=x.Shortcut(
            HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 3, 4096, 1, 2, 3, {HOSTILE: HOSTILE},
            HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), 99,
        ),
        installer=x.Installer(
            {HOSTILE: 3}, {HOSTILE: HOSTILE}, (x.CustomAction(HOSTILE, 38, HOSTILE, HOSTILE, HOSTILE),), many
        ),
        android=x.Android(
            HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, is_debuggable=True, permissions=many, signatures=(HOSTILE,),
            certificates=(HOSTILE,), components=(x.Component(HOSTILE, HOSTILE, is_exported=True, actions=(HOSTILE,)),),
        ),
        dex=x.Dex(HOSTILE, is_checksum_valid=False, strings=1, methods=2, class_count=3, classes=many, apis=many),
        java=x.Java(HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE, HOSTILE, many, many),
        python=x.Python(HOSTILE, 5, HOSTILE, 7, many, many, many, many),
        bundle=x.Bundle(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}),
    )  # fmt: skip


def document_facts(many: int = 1) -> d.DocumentFacts:
    """Facts of a document in which every text is hostile, so many of each."""
    call = d.Call("shell", 2, HOSTILE)
    source = f"{HOSTILE}\nShell 1\n" * many
    module = d.MacroModule(HOSTILE, "module", 1, 2, SHA, source, HOSTILE, (HOSTILE,) * many, (call,) * many)
    sheet = d.MacroSheet(HOSTILE, "very-hidden", many, (d.Formula("A1", HOSTILE),) * many, (HOSTILE,))
    item = d.EmbeddedObject("ole-package", 1, SHA, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, "pe")
    lines = (HOSTILE,) * many
    return d.DocumentFacts(
        macros=(d.MacroProject(HOSTILE, (module,) * many, HOSTILE, 1252, lines),),
        macro_sheets=(sheet,) * many,
        scripts=(d.Script("javascript", HOSTILE, 1, SHA, source),) * many,
        links=(d.Link("dde-auto", HOSTILE, HOSTILE),) * many,
        objects=(item,) * many,
        mail=d.Mail(HOSTILE, HOSTILE, HOSTILE, HOSTILE, lines, HOSTILE, HOSTILE, lines, lines, source, source),
    )


def executable() -> f.Executable:
    return f.Executable(
        kind="pe",
        arch="x86",
        bits=32,
        endian="little",
        type="executable",
        entry_point=0x401000,
        subsystem="console",
        compile_time=1_700_000_000,
        sections=(
            f.Section(".text", 0x1000, 512, 0x400, 512, 6.2, "r-x"),
            f.Section(HOSTILE, 0x2000, 512, 0x600, 512, 7.9, "rwx", anomalies=("writable and executable", HOSTILE)),
        ),
        libraries=("kernel32.dll", HOSTILE),
        imports=(
            f.Import("kernel32.dll", "CreateFileW"),
            f.Import(HOSTILE, HOSTILE),
            f.Import("ws2_32.dll", ordinal=3),
        ),
        import_count=3,
        exports=(f.Export(HOSTILE, 1, 0x401000),),
        export_count=1,
        resources=(f.Resource("RT_ICON", HOSTILE, 1033, 0x800, 64, 3.0, "png"),),
        resource_count=1,
        overlay=f.Overlay(4096, 512, 7.5, "zip"),
        imphash="c" * 32,
        rich=f.RichHeader(1, checksum_valid=False, hash="d" * 32, entries=(f.RichEntry(1, 2, 3),)),
        debug=(f.DebugInfo("codeview", HOSTILE),),
        version_info={"CompanyName": HOSTILE, HOSTILE: "1"},
        tls_callbacks=(0x401010,),
        signature=f.Signature("authenticode", 1, 2, (HOSTILE,)),
        checksum=1,
        checksum_computed=2,
        dotnet=f.DotNet("v4.0.30319", 1, 2, (), HOSTILE, HOSTILE),
        mitigations={"aslr": True, "nx": False},
    )


def ok(findings: tuple[Finding, ...] = FINDINGS, facts: f.FileFacts | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or file_facts()))
    return ModuleResult.ok("file-processor", "1.0.0", data=data, findings=findings, time=0.012, memory_bytes=2_097_152)


def crypto_facts(many: int = 1) -> c.CryptoFacts:
    """Facts in which every text is hostile, so many of each."""
    certificate = c.Certificate(
        HOSTILE, HOSTILE, "01", self_issued=True, signature="RSA with SHA-256", not_before=-1, not_after=1 << 62
    )
    evidence = c.Evidence(HOSTILE, 64, 256, 256, 256, 99, 1, HOSTILE, (1, 2))
    return c.CryptoFacts(
        size=65_536,
        algorithms=(c.Algorithm(HOSTILE, "block-cipher", 99, (evidence,)),) * many,
        alphabets=(c.Alphabet(1, HOSTILE, HOSTILE),) * many,
        apis=(c.Api(HOSTILE, HOSTILE, HOSTILE, 1, 2),) * many,
        keys=(c.Key("private-key", "pem", HOSTILE, 1, 2, 2048, certificate),) * many,
        keys_left_out=3,
        regions=(c.Region(1, 4_096, 7.99, 255.0, "even"),) * many,
        xor=(c.XorGuess("1337", 1, "known-text", HOSTILE, 90, 0),) * many,
        xor_left_out=4,
    )


def behaviour_facts(many: int = 1) -> b.SandboxFacts:
    """A run in which every text is hostile."""
    touched = tuple(b.Touched("write", f"{HOSTILE}{index}") for index in range(many))
    calls = tuple(
        b.Call(index, index * 1_000, HOSTILE, "process", (HOSTILE,) * 12, HOSTILE, ("T1059.007", HOSTILE), 3)
        for index in range(many)
    )
    return b.SandboxFacts(
        kind="sandbox", engine="javascript", ended="exception", error=HOSTILE, steps=12_345, calls=calls,
        calls_total=3 * many + 1, files=touched, registry=touched, processes=touched, network=touched,
        persistence=touched, evasion=touched, waits=touched, code=(b.Executed("eval", 0, 9),),
        children=tuple(Child(index, 1, HOSTILE, "executed-code", 9, sha256=SHA) for index in range(many)),
        children_left_out=2,
    )  # fmt: skip


def sandbox(facts: b.SandboxFacts | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or behaviour_facts()))
    return ModuleResult.ok("sandbox", "1.0.0", data=data, findings=(), time=0.01, memory_bytes=1_048_576)


def crypto(facts: c.CryptoFacts | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or crypto_facts()))
    return ModuleResult.ok("crypto", "1.0.0", data=data, findings=(), time=0.01, memory_bytes=1_048_576)


def deobfuscation_facts(many: int = 1) -> o.DeobfuscationFacts:
    """Facts in which every text is hostile, so many of each."""
    layer = o.Layer(
        0, 1, "string-array", "javascript", 95, rewritten=True, offset=16, length=4_096, size=1_024, sha256="ab" * 32,
        entropy_before=5.5, entropy_after=4.25, before=HOSTILE, after=HOSTILE, steps=(o.Step("concat", 7),) * many,
        key="1337", strings=(HOSTILE,) * many, indicators=(o.LayerIndicator("url", HOSTILE),) * many,
    )  # fmt: skip
    inner = msgspec.structs.replace(layer, index=1, parent=0, depth=2, technique="eval", rewritten=False)
    return o.DeobfuscationFacts(
        size=65_536,
        language="javascript",
        used=o.Used(2, 4_096, 100),
        layers=(layer, inner, *(msgspec.structs.replace(inner, index=at) for at in range(2, many + 1))),
        children=(Child(0, 1, HOSTILE, "eval", 1_024, sha256="ab" * 32, format="pe"),) * many,
        last=1,
    )


def deobfuscation(facts: o.DeobfuscationFacts | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or deobfuscation_facts()))
    return ModuleResult.ok("deobfuscator", "1.0.0", data=data, findings=(), time=0.01, memory_bytes=1_048_576)


def pattern_facts(many: int = 1) -> p.PatternFacts:
    """Facts in which every text is hostile, so many of each."""
    places = (p.Place(16, 4, "00ff", 3),) * many
    found = p.RuleMatch(
        HOSTILE, HOSTILE, (HOSTILE,), ((HOSTILE, HOSTILE),), (p.Found(HOSTILE, many, places),) * min(many, 64), 2
    )
    return p.PatternFacts(40, "given", SHA, (found,) * min(many, 256), 5)


def patterns(facts: p.PatternFacts | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or pattern_facts()))
    return ModuleResult.ok("pattern-matcher", "1.0.0", data=data, findings=(), time=0.01, memory_bytes=1_048_576)


def capture_facts(many: int = 1) -> k.CaptureFacts:
    """A capture in which every text is hostile, so many of each."""
    flow = k.Flow(0, "tcp", HOSTILE, 1, HOSTILE, 443, HOSTILE, 1, 2, 3, 4, 1.7e9, 0.5, HOSTILE, HOSTILE, 7.5)
    dns = k.Dns(0, 1.7e9, "dns", HOSTILE, "A", HOSTILE, (k.Answer(HOSTILE, "A", HOSTILE, 60),) * 6, asked=True)
    http = k.HttpExchange(0, 1.7e9, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 0, 200, HOSTILE, 5, (0,), HOSTILE)
    signed = k.TlsCertificate(HOSTILE, HOSTILE, SHA, self_signed=True, not_after=1_800_000_000)
    tls = k.TlsConnection(
        0, 1.7e9, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (signed,)
    )
    file = k.CapturedFile(
        0, 1, HOSTILE, 5, SHA, HOSTILE, HOSTILE, 0, HOSTILE, HOSTILE, HOSTILE, complete=False, time=1.7e9
    )
    beacon = k.Beacon(HOSTILE, HOSTILE, 443, HOSTILE, 30, 60.0, 1.0, 0.9, 0.9, 0.9, 0)
    domain = k.QueriedDomain(HOSTILE, 60, 60, 50.0, 60, 4.9, 1.0, 9_000, 0.9, 0)
    lists = (
        k.TlsConnections(many, (tls,) * many),
        k.CapturedFiles(many + 7, (file,) * many),
        k.Dialogs(many, (k.Dialog(0, HOSTILE, HOSTILE, (HOSTILE,), 3),) * many),
        k.Credentials(many, (k.Credential(0, HOSTILE, HOSTILE, "******"),) * many),
        k.SmbConnections(many, (k.Smb(0, (HOSTILE,), HOSTILE, (HOSTILE,), (HOSTILE,)),) * many),
        k.HostNames(many, (k.HostName(HOSTILE, HOSTILE, HOSTILE),) * many),
        k.Beacons(many, (beacon,) * many),
        k.QueriedDomains(many, (domain,) * many),
        k.GeneratedNames(many, (k.GeneratedName(HOSTILE, 0.9, HOSTILE, 0),) * many),
        k.Scans(many, (k.Scan("hosts", HOSTILE, 60, 1, 0, port=22),) * many),
    )
    packets = k.Packets(many, many, 0, many, 0, 0, 0, 0, 0, 0, 0)
    flows, messages = k.Flows(many, (flow,) * many), k.DnsMessages(many, (dns,) * many)
    exchanges = k.HttpExchanges(many, (http,) * many)
    return k.CaptureFacts(
        HOSTILE, "little", (HOSTILE,), (HOSTILE,), HOSTILE, 1.7e9, 1.7e9 + 60, 9_000, packets, flows, many, messages,
        exchanges, *lists, (1, 0, 7), 5, 6,
    )  # fmt: skip


def network_facts(many: int = 1) -> n.NetworkFacts:
    """Facts in which every text is hostile, so many of each."""
    telling = n.Indicator("url", HOSTILE, 16, "ascii", 2, HOSTILE, ("defanged",))
    other = n.Indicator("ipv4", "10.0.0.1", 32, "utf-16le", 1, "", ("private",))
    return n.NetworkFacts({"url": many, "ipv4": many}, (telling, other) * many, 6, 7, capture_facts(many))


def network(facts: n.NetworkFacts | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or network_facts()))
    return ModuleResult.ok("network", "1.0.0", data=data, findings=(), time=0.01, memory_bytes=1_048_576)


def conclusion_facts(many: int = 1) -> e.Conclusion:
    return e.Conclusion(
        44,
        "suspicious",
        (e.Contribution(HOSTILE, "high", 80, HOSTILE, 44.0, 44.0),) * many,
        7,
        (e.Sum("high", 55, 44.0, 95, 44.0),),
        (
            e.Technique("T1027.002", HOSTILE, ("defense-evasion", HOSTILE), (HOSTILE,) * 9),
            e.Technique(HOSTILE, HOSTILE, (), (HOSTILE,)),
        )
        * many,
    )


def conclusion(facts: e.Conclusion | None = None) -> ModuleResult:
    data = msgspec.Raw(msgspec.json.encode(facts or conclusion_facts()))
    return ModuleResult.ok("analysis-engine", "0.1.0", data=data, findings=(), time=0.001, memory_bytes=1 << 20)


def nodes(many: int = 1) -> tuple[Node, ...]:
    """A file inside in every state, the first with one inside of it."""
    inner = Node(HOSTILE, 3, HOSTILE, HOSTILE, 9, SHA, HOSTILE, status="seen", reason=HOSTILE)
    outer = Node(
        "file-processor", 0, HOSTILE, "zip-entry", 12, SHA, "pe",
        level="suspicious", score=55, finding_count=4, worst=FINDINGS[1:2], children=(inner,),
        techniques=(e.Technique(HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,)),),
        leads=(Lead("url", "http://inside.example/" + HOSTILE), *(Lead("mutex", HOSTILE),) * 5),
    )  # fmt: skip
    return (outer, Node("network", 1, "", "http-response", 5, status="left-out", reason=HOSTILE)) * many


def failed(module: str = "unpacker") -> ModuleResult:
    error = ModuleTrap("The module trapped: unreachable.", module=module).problem()
    return ModuleResult.failed(module, "1.0.0", error=error, time=0.5)


def report(*results: ModuleResult, name: str = HOSTILE, children: tuple[Node, ...] = ()) -> Report:
    return build_report(
        sample=Sample(SHA, 65_536, name),
        analysis_type="full",
        results=[(SLOTS.get(result.module, "analysis"), result) for result in (results or (ok(),))],
        total_time=0.0151,
        children=children,
    )
