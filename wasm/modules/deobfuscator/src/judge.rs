//! What layers mean. Packed, minified and embedded data is how honest files are made, too: what counts is what is hidden
//! from whoever reads, and run.

use module_kit::{Finding, Findings, Severity};

use crate::decode::lossy;
use crate::facts::Facts;
use crate::language::Language;
use crate::peel::{Layer, Peeler};
use crate::python::marshal;
use crate::score::{self, Kind};
use crate::technique::Technique;

const OBFUSCATED: &[&str] = &["T1027"];
const DECODED: &[&str] = &["T1140"];

pub fn judge(peeler: &Peeler<'_>, facts: &Facts, findings: &mut Findings) {
    for layer in &peeler.layers {
        rewritten(peeler, layer, findings);
        encoded_command(peeler, layer, findings);
        packer(peeler, layer, findings);
        run(peeler, layer, findings);
        program(layer, findings);
        marshalled(peeler, layer, findings);
    }
    hidden(peeler, facts, findings);
    limits(peeler, findings);
}

fn count(layer: &Layer, technique: Technique) -> usize {
    layer.found.steps.iter().filter(|step| step.0 == technique).map(|step| step.1).sum()
}

/// With what stood there before, and where, if that is a place in the sample. Of a text written anew, that is where the
/// two begin to differ.
fn shown(finding: Finding, peeler: &Peeler<'_>, layer: &Layer) -> Finding {
    /// Bytes: more than evidence quotes.
    const MOST: usize = 1_024;
    let (parent, found) = (peeler.content(layer.parent), &layer.found);
    let before = parent.get(found.start..found.end).unwrap_or_default();
    let same = || lossy(before).bytes().zip(&found.content).take_while(|(one, two)| one == *two).count();
    let mut start = if layer.rewritten { same() } else { 0 };
    // Not within a character.
    while start > 0 && before.get(start).is_none_or(|byte| byte & 0xc0 == 0x80) {
        start -= 1;
    }
    let text = lossy(before.get(start..before.len().min(start + MOST)).unwrap_or_default());
    match layer.parent {
        _ if text.is_empty() => finding,
        None => finding.quote_at((found.start + start) as u64, &text),
        Some(_) => finding.quote(&text),
    }
}

/// A text that was written so that nobody should read it.
fn rewritten(peeler: &Peeler<'_>, layer: &Layer, findings: &mut Findings) {
    if !layer.rewritten || layer.found.slight || layer.found.technique == Technique::Utf16 {
        return;
    }
    let strings = count(layer, Technique::StringArray);
    if strings >= 4 {
        findings.add(shown(
            Finding::new("string-array", Severity::Medium, 90, "A script keeps its texts in a list that it decodes")
                .detail(format!("{strings} calls of decoders were replaced by what they give."))
                .techniques(OBFUSCATED),
            peeler,
            layer,
        ));
    }
    if count(layer, Technique::Flattening) > 0 {
        findings.add(shown(
            Finding::new(
                "flattened-control-flow",
                Severity::Medium,
                90,
                "The order of a script's statements is hidden",
            )
            .detail("Statements stand in the branches of a switch, and their order in a text.")
            .techniques(OBFUSCATED),
            peeler,
            layer,
        ));
    }
    let steps: Vec<String> =
        layer.found.steps.iter().map(|(technique, count)| format!("{} {count}", technique.name())).collect();
    if !findings.has("obfuscated-script") {
        findings.add(shown(
            Finding::new("obfuscated-script", Severity::Medium, 85, "A script is written so that it cannot be read")
                .detail(format!("Undone in {}: {}.", language(layer.language), steps.join(", ")))
                .techniques(OBFUSCATED),
            peeler,
            layer,
        ));
    }
}

const fn language(language: Language) -> &'static str {
    match language {
        Language::Javascript => "JavaScript",
        Language::Powershell => "PowerShell",
        Language::Vbscript => "VBScript",
        Language::Vba => "VBA",
        Language::Batch => "a batch file",
        Language::Python => "Python",
        Language::Html => "HTML",
        Language::None => "a text",
    }
}

fn encoded_command(peeler: &Peeler<'_>, layer: &Layer, findings: &mut Findings) {
    if layer.found.technique == Technique::EncodedCommand {
        findings.add(shown(
            Finding::new("encoded-powershell", Severity::Medium, 90, "A command for PowerShell is encoded")
                .detail(format!("{} bytes of a script in base64.", layer.found.content.len()))
                .techniques(&["T1059.001", "T1027.010"]),
            peeler,
            layer,
        ));
    }
}

fn packer(peeler: &Peeler<'_>, layer: &Layer, findings: &mut Findings) {
    if layer.found.technique == Technique::Packer {
        findings.add(shown(
            Finding::new("packed-javascript", Severity::Low, 90, "A script is packed and unpacks itself")
                .detail("As Dean Edwards' packer does; honest libraries were published so, too.")
                .techniques(&["T1027.002"]),
            peeler,
            layer,
        ));
    }
    if layer.found.technique == Technique::Coercion {
        findings.add(shown(
            Finding::new("symbol-encoded-script", Severity::Medium, 90, "A script is written in signs alone")
                .techniques(OBFUSCATED),
            peeler,
            layer,
        ));
    }
}

/// Whether the words of a text are there to be read, in quotes or put together.
fn is_shown(parent: &[u8], content: &[u8]) -> bool {
    let words = content.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| word.len() >= 4).take(64);
    let (mut all, mut shown) = (0, 0);
    for word in words {
        all += 1;
        shown += usize::from(memchr::memmem::find(parent, word).is_some());
    }
    shown * 5 >= all * 4
}

/// A text that is decoded and then run.
fn run(peeler: &Peeler<'_>, layer: &Layer, findings: &mut Findings) {
    if layer.found.technique != Technique::Eval {
        return;
    }
    let parent = peeler.content(layer.parent);
    let was_rewritten = layer.parent.is_some_and(|parent| peeler.layers[parent].rewritten);
    // A text that is run as it is hides nothing: bundlers do that.
    if is_shown(parent, &layer.found.content) && !was_rewritten {
        if !findings.has("dynamic-code") {
            findings.add(shown(
                Finding::new("dynamic-code", Severity::Info, 90, "A script runs a text as code").techniques(&["T1059"]),
                peeler,
                layer,
            ));
        }
        return;
    }
    if findings.has("decoded-script-run") {
        return;
    }
    findings.add(shown(
        Finding::new("decoded-script-run", Severity::Medium, 85, "A script decodes a text and runs it")
            .detail(format!("{} bytes of {}.", layer.found.content.len(), language(layer.language)))
            .techniques(&["T1027.010", "T1140"]),
        peeler,
        layer,
    ));
}

fn program(layer: &Layer, findings: &mut Findings) {
    let Some(Kind::File(format)) = score::verdict(&layer.found.content).map(|verdict| verdict.kind) else { return };
    if !matches!(format, "pe" | "elf" | "macho" | "macho-fat" | "dex" | "lnk") {
        return;
    }
    let finding = Finding::new("decoded-executable", Severity::High, 90, "A program is hidden in encoded data")
        .detail(format!("{} bytes ({format}), by {}.", layer.found.content.len(), layer.found.technique.name()))
        .techniques(&["T1027.009", "T1140"]);
    let is_in_sample = layer.parent.is_none();
    let place = (layer.found.start as u64, (layer.found.end - layer.found.start) as u64);
    findings.add(if is_in_sample { finding.at(place.0, place.1) } else { finding });
}

fn marshalled(peeler: &Peeler<'_>, layer: &Layer, findings: &mut Findings) {
    if layer.found.technique == Technique::Marshal {
        let of = marshal::version(&layer.found.content).map_or_else(
            || "Python's marshal format, told by its use".to_owned(),
            |version| format!("A code object of Python {version} in marshal format"),
        );
        findings.add(shown(
            Finding::new("marshalled-code", Severity::Medium, 85, "A script runs compiled code that it carries")
                .detail(format!("{of}; it is not disassembled here."))
                .techniques(DECODED),
            peeler,
            layer,
        ));
    }
}

/// Addresses that the sample does not show.
fn hidden(peeler: &Peeler<'_>, facts: &Facts, findings: &mut Findings) {
    let is_address =
        |kind: network::Kind| matches!(kind, network::Kind::Url | network::Kind::Ipv4 | network::Kind::Onion);
    // Data in base64 is in many honest files, and holds addresses: only what is also run or written anew hides them.
    let is_hiding = |index: usize| {
        let mut at = Some(index);
        while let Some(index) = at {
            let layer = &peeler.layers[index];
            let hides = layer.rewritten && layer.found.technique != Technique::Utf16;
            if hides
                || matches!(
                    layer.found.technique,
                    Technique::EncodedCommand | Technique::Xor | Technique::Packer | Technique::Coercion
                )
                || (layer.found.technique == Technique::Eval
                    && !is_shown(peeler.content(layer.parent), &layer.found.content))
            {
                return true;
            }
            at = layer.parent;
        }
        false
    };
    let mut values: Vec<&str> = Vec::new();
    let mut severity = Severity::Info;
    for layer in &facts.layers {
        for indicator in layer.indicators.iter().filter(|indicator| is_address(indicator.kind)) {
            if memchr::memmem::find(peeler.sample, indicator.value.as_bytes()).is_none()
                && !values.contains(&indicator.value.as_str())
            {
                values.push(&indicator.value);
                severity = if is_hiding(layer.index) { Severity::Medium } else { severity };
            }
        }
    }
    if !values.is_empty() {
        findings.add(
            Finding::new("hidden-addresses", severity, 85, "Addresses are hidden in layers of encoding")
                .detail(format!("{} that the sample does not show.", values.len()))
                .quotes(values)
                .techniques(DECODED),
        );
    }
}

fn limits(peeler: &Peeler<'_>, findings: &mut Findings) {
    let met = peeler.budget.met;
    let rows = [
        (
            met.steps,
            "steps-exhausted",
            "Not all of the sample could be evaluated",
            "The number of steps for one sample was used up.",
        ),
        (
            met.layers,
            "layers-exhausted",
            "There are more layers than are peeled",
            "The number of layers for one sample was used up.",
        ),
        (
            met.blobs,
            "blobs-exhausted",
            "There is more encoded data than is decoded",
            "Of many texts that may be encoded, only the longest were looked at.",
        ),
        (
            met.size,
            "growth-exhausted",
            "Layers grow beyond what is unpacked",
            "The bytes for all layers of one sample were used up.",
        ),
        (
            met.depth,
            "nested-layers",
            "Layers are nested deeper than is followed",
            "The innermost layers were left as they are.",
        ),
        (
            met.nesting,
            "nested-expressions",
            "Expressions are nested deeper than is followed",
            "Such a text, or a part of it, was left as it is.",
        ),
    ];
    if met.script {
        let title = "The script is larger than any that is undone";
        let detail = "Only data that is encoded in it was looked for.";
        findings.add(Finding::new("script-too-large", Severity::Low, 100, title).detail(detail));
    }
    for (_, id, title, detail) in rows.into_iter().filter(|row| row.0) {
        findings.add(Finding::new(id, Severity::Info, 90, title).detail(detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(sample: &[u8], name: &str, id: &str) -> Vec<(Option<u64>, String)> {
        let peeler = Peeler::peel(sample, name);
        let mut findings = Findings::default();
        judge(&peeler, &crate::facts::of(&peeler), &mut findings);
        let found = findings.into_sorted().into_iter().find(|finding| finding.id == id).expect("a finding");
        found.evidence.into_iter().map(|one| (one.offset, one.text.unwrap_or_default())).collect()
    }

    #[test]
    fn findings_quote_what_stood_there() {
        let script = "# \u{e4}\niN`v`oKe-e`xpR`essi`on $x\n";
        let quoted = evidence(script.as_bytes(), "a.ps1", "obfuscated-script");
        assert_eq!(quoted, [(Some(7), "`v`oKe-e`xpR`essi`on $x\n".to_owned())]);
        let latin: Vec<u8> = script.chars().map(|letter| letter as u8).collect();
        assert_eq!(evidence(&latin, "a.ps1", "obfuscated-script"), [(Some(6), quoted[0].1.clone())]);
        let command = "powershell -enc SQBFAFgAIAAnAGgAZQBsAGwAbwAgAHcAbwByAGwAZAAnAA==";
        assert_eq!(evidence(command.as_bytes(), "", "encoded-powershell"), [(Some(16), command[16..].to_owned())]);
        let long = format!("{script}{}", "# more \u{20ac}\n".repeat(900));
        assert_eq!(evidence(long.as_bytes(), "a.ps1", "obfuscated-script")[0].1.chars().count(), 256);
        // In a layer there is no place of the sample.
        let wide: Vec<u8> = [0xfeff].into_iter().chain(script.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(evidence(&wide, "a.ps1", "obfuscated-script"), [(None, quoted[0].1.clone())]);
    }
}
