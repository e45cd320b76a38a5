//! One score of 0 - 100, by arithmetic that a person can follow.
//!
//! A finding has its severity's weight times its confidence. Findings that say the same thing (a group) are not added up:
//! the strongest counts whole, each further one half of the one before (of what files inside are, only the worst counts).
//! A group counts as the worst severity in it. What counts of one severity and of those below it has a ceiling, so that
//! many small oddities, as large honest files have them, never add up to a suspicion, nor those and medium ones to what
//! looks malicious. There is no rounding on the way, and one finding more never lowers the score: it only adds to its
//! group, or moves it up to a higher ceiling. (A rule that begins to match may: it says that what counted apart is one.)

use std::cmp::Reverse;
use std::collections::BTreeMap;

use module_kit::Severity;
use serde::Serialize;

use crate::children;
use crate::limits::{MAX_FINDINGS, MAX_LISTED};
use crate::told::{Level, Told};

/// The weight of a severity at full confidence, and the most that all of it and of those below add: both in points.
const WEIGHTS: [(Severity, u32, u32); 4] =
    [(Severity::Low, 4, 10), (Severity::Medium, 25, 60), (Severity::High, 55, 95), (Severity::Critical, 90, 100)];
/// The least score of each level.
const LEVELS: [(u32, Level); 3] = [(70, Level::MaliciousLooking), (40, Level::Suspicious), (15, Level::WorthALook)];

/// A finding as the score sees it.
pub struct Counted<'a> {
    /// `<module>/<slug>`.
    pub id: String,
    pub severity: Severity,
    pub confidence: u8,
    pub techniques: Vec<&'a str>,
}

/// The findings of the other modules, and those made here.
pub fn all_of<'a>(told: &'a Told, ours: &'a [module_kit::Finding]) -> Vec<Counted<'a>> {
    let others = told.results.iter().flat_map(|result| &result.findings).map(|finding| Counted {
        id: finding.id.clone(),
        severity: finding.severity,
        confidence: finding.confidence.min(100),
        techniques: finding.techniques.iter().map(String::as_str).collect(),
    });
    let ours = ours.iter().map(|finding| Counted {
        id: format!("analysis-engine/{}", finding.id),
        severity: finding.severity,
        confidence: finding.confidence,
        techniques: finding.techniques.iter().map(AsRef::as_ref).collect(),
    });
    let mut all: Vec<Counted<'a>> = ours.chain(others).collect();
    if all.len() > MAX_FINDINGS {
        // The least severe are left out, whoever says them.
        all.sort_by_key(|finding| Reverse((rank(finding.severity), finding.confidence)));
        all.truncate(MAX_FINDINGS);
    }
    all
}

/// Which findings say the same thing: by the finding's id.
#[derive(Debug, Default)]
pub struct Groups(BTreeMap<String, String>);

impl Groups {
    /// A rule that matches speaks for the findings that it is made of. The first rule to claim a finding has it.
    pub fn claim(&mut self, rule: &str, support: &[crate::rules::Support]) {
        for support in support {
            if let Some(finding) = &support.finding {
                self.0.entry(finding.clone()).or_insert_with(|| rule.to_owned());
            }
        }
    }

    fn of(&self, id: &str) -> String {
        let (module, slug) = id.split_once('/').unwrap_or(("", id));
        if slug.starts_with("child/") || (module == "analysis-engine" && slug.starts_with("child-")) {
            return children::GROUP.to_owned();
        }
        let base = without_number(slug);
        if module == "analysis-engine" {
            return base.to_owned();
        }
        self.0.get(id).cloned().unwrap_or_else(|| format!("{module}/{base}"))
    }
}

/// `overlay-2` is of the kind `overlay`: modules number what comes more than once.
fn without_number(slug: &str) -> &str {
    match slug.rsplit_once('-') {
        Some((base, number)) if number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => slug,
    }
}

/// What one finding adds. All in points.
#[derive(Debug, Serialize)]
pub struct Contribution {
    pub finding: String,
    pub severity: Severity,
    pub confidence: u8,
    pub group: String,
    /// Weight times confidence.
    pub points: f64,
    /// What is left of that beside stronger findings of its group.
    pub counted: f64,
}

/// The groups of one severity.
#[derive(Debug, Serialize)]
pub struct Sum {
    pub severity: Severity,
    pub weight: u32,
    pub points: f64,
    /// Of this severity and those below it together.
    pub ceiling: u32,
    /// What it adds to those below.
    pub counted: f64,
}

#[derive(Debug, Serialize)]
pub struct Score {
    /// 0 - 100.
    pub score: u32,
    pub level: Level,
    /// The largest first.
    pub contributions: Vec<Contribution>,
    pub contributions_left_out: usize,
    /// The worst severity first.
    pub sums: Vec<Sum>,
}

/// In units of a 1024th of a tenth of a point, so that halving ten times stays exact.
type Units = u64;
const UNIT: Units = 10 * 1024;

pub fn score(counted: &[Counted], groups: &Groups) -> Score {
    let mut by_group: BTreeMap<String, Vec<(Units, &Counted)>> = BTreeMap::new();
    for finding in counted {
        let points = Units::from(weight(finding.severity)) * Units::from(finding.confidence) * UNIT / 100;
        if points > 0 {
            by_group.entry(groups.of(&finding.id)).or_default().push((points, finding));
        }
    }
    let mut points = [0; WEIGHTS.len()];
    let mut contributions = Vec::new();
    for (group, mut members) in by_group {
        members.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        let worst = members.iter().filter_map(|(_, finding)| rank(finding.severity)).max().unwrap_or_default();
        for (place, (worth, finding)) in members.into_iter().enumerate() {
            let counts = beside(place, &group, worth);
            points[worst] += counts;
            contributions.push((counts, contribution(finding, &group, worth, counts)));
        }
    }
    contributions.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.finding.cmp(&b.1.finding)));
    let (total, sums) = total(points);
    let score = u32::try_from((total + UNIT / 2) / UNIT).unwrap_or(100).min(100);
    Score {
        score,
        level: LEVELS.iter().find(|(least, _)| score >= *least).map_or(Level::CleanLooking, |(_, level)| *level),
        contributions_left_out: contributions.len().saturating_sub(MAX_LISTED),
        contributions: contributions.into_iter().take(MAX_LISTED).map(|(_, listed)| listed).collect(),
        sums,
    }
}

/// From the least severity up.
fn total(points: [Units; WEIGHTS.len()]) -> (Units, Vec<Sum>) {
    let mut total = 0;
    let mut sums = Vec::new();
    for ((severity, weight, ceiling), points) in WEIGHTS.into_iter().zip(points) {
        let before = total;
        total = (total + points).min(Units::from(ceiling) * UNIT);
        if points > 0 {
            sums.push(Sum { severity, weight, points: shown(points), ceiling, counted: shown(total - before) });
        }
    }
    sums.reverse();
    (total, sums)
}

/// A file is as bad as the worst that is in it, and not worse for being told of by several.
fn beside(place: usize, group: &str, points: Units) -> Units {
    match place {
        0 => points,
        _ if group == children::GROUP => 0,
        _ => points.checked_shr(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0),
    }
}

fn contribution(finding: &Counted, group: &str, points: Units, counts: Units) -> Contribution {
    Contribution {
        finding: finding.id.clone(),
        severity: finding.severity,
        confidence: finding.confidence,
        group: group.to_owned(),
        points: shown(points),
        counted: shown(counts),
    }
}

fn rank(severity: Severity) -> Option<usize> {
    WEIGHTS.iter().position(|row| row.0 == severity)
}

fn weight(severity: Severity) -> u32 {
    rank(severity).map_or(0, |rank| WEIGHTS[rank].1)
}

/// Points with two digits.
#[allow(clippy::cast_precision_loss, reason = "points stay far below 2^52")]
fn shown(units: Units) -> f64 {
    (units as f64 * 100.0 / UNIT as f64).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(findings: &[(&str, Severity, u8)]) -> Vec<Counted<'static>> {
        let make = |&(id, severity, confidence): &(&str, Severity, u8)| Counted {
            id: id.to_owned(),
            severity,
            confidence,
            techniques: Vec::new(),
        };
        findings.iter().map(make).collect()
    }

    fn of(findings: &[(&str, Severity, u8)]) -> Score {
        score(&counted(findings), &Groups::default())
    }

    #[test]
    fn nothing_found_is_nothing() {
        let score = of(&[]);
        assert_eq!((score.score, score.level), (0, Level::CleanLooking));
    }

    #[test]
    fn a_finding_has_its_weight_times_its_confidence() {
        let score = of(&[("m/a", Severity::High, 80)]);
        assert_eq!((score.score, score.level), (44, Level::Suspicious));
        assert!((score.contributions[0].points - 44.0).abs() < 1e-9);
    }

    #[test]
    fn what_says_the_same_counts_half_and_half_again() {
        let score = of(&[("m/a", Severity::High, 100), ("m/a-2", Severity::High, 100), ("m/a-3", Severity::High, 100)]);
        assert_eq!(score.score, 95); // 55 + 27.5 + 13.75 = 96.25, of which 95 count
        let counts: Vec<f64> = score.contributions.iter().map(|one| one.counted).collect();
        assert_eq!(counts, [55.0, 27.5, 13.75]);
        assert!((score.sums[0].points - 96.25).abs() < 1e-9 && (score.sums[0].counted - 95.0).abs() < 1e-9);
    }

    #[test]
    fn a_group_counts_as_the_worst_in_it() {
        let score = of(&[("m/a", Severity::Medium, 100), ("m/a-2", Severity::High, 100)]);
        let sums: Vec<_> = score.sums.iter().map(|sum| (sum.severity, sum.points, sum.counted)).collect();
        assert_eq!(sums, [(Severity::High, 67.5, 67.5)]); // 55 + 12.5
    }

    #[test]
    fn many_small_oddities_stay_below_a_suspicion() {
        let ids: Vec<String> = (0..200).map(|index| format!("m/kind{index}")).collect();
        let low: Vec<_> = ids.iter().map(|id| (id.as_str(), Severity::Low, 100)).collect();
        assert_eq!((of(&low).score, of(&low).level), (10, Level::CleanLooking));
        let ids: Vec<String> = (0..200).map(|index| format!("m/sort{index}")).collect();
        let medium: Vec<_> = ids.iter().map(|id| (id.as_str(), Severity::Medium, 100)).collect();
        assert_eq!((of(&medium).score, of(&medium).level), (60, Level::Suspicious));
        // All of both stay below what looks malicious: that takes something of high severity.
        let both = of(&[low, medium].concat());
        assert_eq!((both.score, both.level), (60, Level::Suspicious));
        let counted: Vec<_> = both.sums.iter().map(|sum| (sum.severity, sum.counted)).collect();
        assert_eq!(counted, [(Severity::Medium, 50.0), (Severity::Low, 10.0)]);
    }

    #[test]
    fn information_counts_nothing_and_is_not_listed() {
        let score = of(&[("m/a", Severity::Info, 100)]);
        assert_eq!((score.score, score.contributions.len(), score.sums.len()), (0, 0, 0));
    }

    #[test]
    fn all_is_counted_but_not_all_is_listed() {
        let ids: Vec<String> = (0..100).map(|index| format!("m/kind{index}")).collect();
        let score = of(&ids.iter().map(|id| (id.as_str(), Severity::Low, 10)).collect::<Vec<_>>());
        assert_eq!((score.contributions.len(), score.contributions_left_out), (MAX_LISTED, 36));
        assert!((score.sums[0].points - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_flood_of_small_findings_hides_no_large_one() {
        let finding = |id: &str, severity: &str| serde_json::json!({"id": id, "severity": severity, "confidence": 100, "title": "x"});
        let flood: Vec<_> = (0..MAX_FINDINGS).map(|index| finding(&format!("a/kind{index}x"), "info")).collect();
        let told: Told = serde_json::from_value(serde_json::json!({"results": [
            {"module": "a", "findings": flood}, {"module": "b", "findings": [finding("b/bad", "critical")]},
        ]}))
        .expect("results");
        let counted = all_of(&told, &[]);
        assert_eq!((counted.len(), counted[0].id.as_str()), (MAX_FINDINGS, "b/bad"));
    }

    #[test]
    fn a_child_is_counted_once_whoever_tells_of_it() {
        let score = of(&[
            ("analysis-engine/child-suspicious", Severity::High, 80),
            ("file-processor/child/suspicious-macros", Severity::High, 80),
        ]);
        assert_eq!(score.score, 44);
        assert!(score.contributions.iter().all(|one| one.group == children::GROUP));
    }
}
