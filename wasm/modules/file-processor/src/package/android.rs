//! Android packages: what the manifest asks for, and how the package is signed.

use module_kit::{Finding, Findings, Severity};

use super::axml::{self, Element};
use crate::container::zip::Package;
use crate::facts::contents::{MAX_ITEMS, cut_texts};
use crate::facts::{Android, Component};
use crate::pe::common_names;
use crate::reader::Reader;

const COMPONENTS: [(&str, &str); 5] = [
    ("activity", "activity"),
    ("activity-alias", "activity"),
    ("service", "service"),
    ("receiver", "receiver"),
    ("provider", "provider"),
];
/// Blocks of signatures before the directory.
const SCHEMES: [(u32, &str); 4] =
    [(0x7109_871a, "v2"), (0xf053_68c0, "v3"), (0x1b93_ad61, "v3.1"), (0x2b09_189e, "source stamp")];
const BLOCK_MAGIC: &[u8] = b"APK Sig Block 42";
/// Permissions: large applications ask for some hundred.
const MAX_LISTED: usize = 4_096;
const MAX_SIGNERS: usize = 16;
/// Permissions and services that give power over the device or its owner's money.
const POWERS: [(&str, &str); 12] = [
    ("SEND_SMS", "sends messages"),
    ("RECEIVE_SMS", "reads messages"),
    ("READ_SMS", "reads messages"),
    ("SYSTEM_ALERT_WINDOW", "draws over others"),
    ("REQUEST_INSTALL_PACKAGES", "installs packages"),
    ("BIND_ACCESSIBILITY_SERVICE", "sees and presses what its user does"),
    ("BIND_DEVICE_ADMIN", "is administrator of the device"),
    ("BIND_NOTIFICATION_LISTENER_SERVICE", "reads notifications"),
    ("RECORD_AUDIO", "records sound"),
    ("READ_CONTACTS", "reads contacts"),
    ("READ_CALL_LOG", "reads calls"),
    ("MANAGE_EXTERNAL_STORAGE", "reads all files"),
];

pub fn parse(data: &[u8], findings: &mut Findings) -> Option<Android> {
    let package = Package::open(data)?;
    let manifest = package.content("AndroidManifest.xml")?;
    let (elements, is_whole) = axml::parse(&manifest);
    if !is_whole || elements.is_empty() {
        findings.malformed("android-manifest", "The manifest is damaged, or made so that tools cannot read it.");
    }
    let mut android = Android::default();
    let mut bound = Vec::new();
    for element in &elements {
        read(element, &mut android, &mut bound);
    }
    signatures(data, &package, &mut android);
    judge(&android, &bound, findings);
    cut_texts(&mut android.permissions);
    Some(android)
}

fn read(element: &Element, android: &mut Android, bound: &mut Vec<String>) {
    let name = element.get("name").to_owned();
    match &*element.name {
        "manifest" => {
            android.package = element.get("package").to_owned();
            android.version_code = element.get("versionCode").to_owned();
            android.version_name = element.get("versionName").to_owned();
        }
        "uses-sdk" => {
            android.min_sdk = element.get("minSdkVersion").to_owned();
            android.target_sdk = element.get("targetSdkVersion").to_owned();
        }
        "application" => android.is_debuggable = element.get("debuggable") == "true",
        "uses-permission" | "uses-permission-sdk-23" if android.permissions.len() < MAX_LISTED => {
            android.permissions.push(name);
        }
        "action" => {
            if let Some(component) = android.components.last_mut().filter(|component| component.actions.len() < 16) {
                component.actions.push(name);
            }
        }
        other => {
            let Some((_, kind)) = COMPONENTS.iter().find(|(own, _)| *own == other) else { return };
            if android.components.len() >= MAX_ITEMS {
                return;
            }
            bound.push(element.get("permission").to_owned());
            let is_exported = element.get("exported") == "true";
            android.components.push(Component { kind, name, is_exported, actions: Vec::new() });
        }
    }
}

/// Version 1 signs the entries, in META-INF; later ones the file, in a block before the directory.
fn signatures(data: &[u8], package: &Package, android: &mut Android) {
    let is_signature = |name: &str| {
        name.strip_prefix("META-INF/").is_some_and(|name| [".RSA", ".DSA", ".EC"].iter().any(|end| name.ends_with(end)))
    };
    let signers = package.names().filter(|name| is_signature(name)).take(MAX_SIGNERS);
    for content in signers.filter_map(|name| package.content(name)) {
        android.signatures.push("v1");
        android.certificates.extend(common_names(&content));
    }
    if let Some(block) = signing_block(data, package.directory()) {
        let reader = Reader::little(block);
        let mut at = 0;
        while let Some(size) = reader.u64(at).filter(|&size| size >= 4) {
            let id = reader.u32(at + 8).unwrap_or(0);
            if let Some((_, scheme)) = SCHEMES.iter().find(|(known, _)| *known == id) {
                android.signatures.push(scheme);
                android.certificates.extend(common_names(reader.upto(at + 12, size - 4)));
            }
            at = at.saturating_add(8).saturating_add(size);
        }
    }
    android.signatures.dedup();
    android.certificates.sort();
    android.certificates.dedup();
    cut_texts(&mut android.certificates);
}

/// Size, pairs of ids and values, size, magic.
fn signing_block(data: &[u8], directory: u64) -> Option<&[u8]> {
    let reader = Reader::little(data);
    let end = directory.checked_sub(24)?;
    (reader.slice(end + 8, 16)? == BLOCK_MAGIC).then_some(())?;
    let size = reader.u64(end)?;
    reader.slice(directory.checked_sub(size)?, size.checked_sub(24)?)
}

fn judge(android: &Android, bound: &[String], findings: &mut Findings) {
    let asked = || android.permissions.iter().chain(bound);
    let has = |name: &str| asked().any(|permission| permission.rsplit('.').next() == Some(name));
    let powers: Vec<String> =
        POWERS.iter().filter(|(name, _)| has(name)).map(|(name, what)| format!("{name}: {what}")).collect();
    if !powers.is_empty() {
        let takes_control = has("BIND_ACCESSIBILITY_SERVICE") || has("BIND_DEVICE_ADMIN");
        let severity = if takes_control && powers.len() >= 4 { Severity::Medium } else { Severity::Low };
        findings.add(
            Finding::new("android-powers", severity, 60, "The application asks for power over the device")
                .quotes(powers)
                .techniques(&["T1626.001"]),
        );
    }
    if android.signatures.is_empty() {
        findings.add(
            Finding::new("android-unsigned", Severity::Low, 80, "The package is not signed")
                .detail("Devices do not install it like this."),
        );
    }
    if android.is_debuggable {
        findings.add(Finding::new("android-debuggable", Severity::Low, 90, "The application can be debugged"));
    }
}
