//! What an analyst should know of an Authenticode signature. Nothing here says that a signer is to be trusted.

use crate::facts::Signature;
use crate::facts::signing::{Check, Signer};
use module_kit::{Finding, Findings, Severity};

pub fn judge(signature: &Signature, findings: &mut Findings) {
    let checked: Vec<String> = signature.signers.iter().map(summary).collect();
    findings.add(
        Finding::new("signature-present", Severity::Info, 90, "An Authenticode signature is present")
            .detail(if checked.is_empty() { "It could not be read.".to_owned() } else { checked.join(" ") })
            .at(signature.offset, signature.size)
            .quotes(&signature.subjects),
    );
    for signer in &signature.signers {
        mathematics(signature, signer, findings);
        certificates(signer, findings);
    }
    weak(signature, findings);
    if signature.hidden > 0 {
        findings.add(
            Finding::new("signature-extra-data", Severity::Low, 75, "Data stands in or behind the signature")
                .detail(format!(
                    "{} bytes that can be changed without breaking it: installers mark downloads so, and programs hide data.",
                    signature.hidden
                ))
                .at(signature.offset, signature.size)
                .techniques(&["T1027.009"]),
        );
    }
}

fn summary(signer: &Signer) -> String {
    let file = match signer.file {
        Check::Valid => "the signed digest is the file's",
        Check::Invalid => "the signed digest is not the file's",
        Check::NotChecked => "the digest was not compared",
    };
    let signature = match signer.signature {
        Check::Valid => "the signature fits the signer's key",
        Check::Invalid => "the signature does not fit the signer's key",
        Check::NotChecked => "the signature was not verified",
    };
    format!("{}: {file}, {signature}.", signer.digest_algorithm)
}

/// What no honest tool writes.
fn mathematics(signature: &Signature, signer: &Signer, findings: &mut Findings) {
    if signer.file == Check::Invalid {
        findings.add(
            Finding::new("signature-digest-mismatch", Severity::High, 85, "The file is not the one that was signed")
                .detail("It was changed after it was signed, or the signature was taken from another file.")
                .at(signature.offset, signature.size)
                .techniques(&["T1553.002"]),
        );
    }
    let stamp = signer.timestamp.as_ref();
    let is_forged = signer.signature == Check::Invalid || signer.content == Check::Invalid;
    let stamp_forged = stamp.is_some_and(|it| it.signature == Check::Invalid || it.content == Check::Invalid);
    let chain_forged = signer.chain.iter().any(|certificate| certificate.signature == Check::Invalid);
    for (found, what) in
        [(is_forged, "signature"), (stamp_forged, "timestamp"), (chain_forged, "chain of certificates")]
    {
        if found {
            findings.add(
                Finding::new("signature-invalid", Severity::High, 85, "A signature does not verify")
                    .detail(format!("The {what} does not fit the key or the data that it names."))
                    .at(signature.offset, signature.size)
                    .techniques(&["T1553.002"]),
            );
        }
    }
}

fn certificates(signer: &Signer, findings: &mut Findings) {
    let Some(own) = signer.chain.first() else { return };
    if own.self_issued {
        findings.add(
            Finding::new("signature-self-signed", Severity::Low, 85, "The signer's certificate is its own issuer")
                .detail("Anybody can make one.")
                .quote(&own.subject)
                .techniques(&["T1553.002"]),
        );
    }
    if own.in_time == Some(false) {
        let (severity, detail) = match signer.timestamp {
            Some(_) => (Severity::Low, "By the timestamp, the certificate was not valid when the file was signed."),
            None => (Severity::Info, "Without a timestamp, the signature ends with the certificate."),
        };
        findings.add(
            Finding::new("signature-expired", severity, 75, "The signer's certificate is out of its time")
                .detail(detail)
                .quote(&own.subject),
        );
    }
}

fn weak(signature: &Signature, findings: &mut Findings) {
    let weak = |name: &str| matches!(name, "MD5" | "SHA-1");
    let names: Vec<&str> = signature.signers.iter().map(|signer| signer.digest_algorithm.as_str()).collect();
    // Files for old systems have both.
    if !names.is_empty() && names.iter().all(|name| weak(name)) {
        let severity = if names.contains(&"SHA-1") { Severity::Info } else { Severity::Low };
        findings.add(
            Finding::new("signature-weak-digest", severity, 80, "The signature is by a digest that can be forged")
                .detail(names.join(", ")),
        );
    }
}
