//! What the host hands in: the results of the other modules, and the verdicts on the files inside.
//!
//! The facts are read leniently: what is missing or of another type says nothing, since every module may say more with
//! its next version.

use module_kit::Severity;
use serde::Deserialize;
use serde_json::Value;

/// Arguments of `analyze`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Told {
    pub results: Vec<ModuleResult>,
    pub children: Vec<Child>,
}

/// As `athena_lab/report/model.py` has it.
#[derive(Debug, Deserialize)]
pub struct ModuleResult {
    pub module: String,
    #[serde(default)]
    pub findings: Vec<Finding>,
    #[serde(default)]
    pub data: Value,
    #[serde(default)]
    pub error: Option<Problem>,
}

/// A finding of another module; `id` is `<module>/<slug>`.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    pub id: String,
    pub severity: Severity,
    pub confidence: u8,
    pub title: String,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    #[serde(default)]
    pub techniques: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Evidence {
    pub offset: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Problem {
    pub code: String,
}

/// A file inside that was analysed by itself.
#[derive(Debug, Deserialize)]
pub struct Child {
    pub name: String,
    pub sha256: String,
    pub level: Level,
    /// 0 - 100.
    pub score: u8,
    /// Title of its worst finding; empty without one.
    #[serde(default)]
    pub worst: String,
}

/// As `Level` in `athena_lab/report/model.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
pub enum Level {
    #[serde(rename = "unknown")]
    Unknown,
    #[serde(rename = "clean-looking")]
    CleanLooking,
    #[serde(rename = "worth a look")]
    WorthALook,
    #[serde(rename = "suspicious")]
    Suspicious,
    #[serde(rename = "malicious-looking")]
    MaliciousLooking,
}
