//! Beacons: connections of one host to another that come as a clock does. The score is RITA's (Active Countermeasures,
//! "Real Intelligence Threat Analytics", version 4): how even the intervals and the sizes are (Bowley's skewness), how
//! little they differ (median absolute deviation about the median), how often there are some, and how small they are. Its
//! deviation of 30 s counts here beside the interval itself, so that a beacon of an hour is judged as one of a minute is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::flows::{Flow, Transport};
use super::limits::MAX_TIMES;

/// Connections below which no interval is judged.
pub const LEAST: usize = 8;
/// Pairs of hosts that are looked at.
const MAX_PAIRS: usize = 100_000;

#[derive(Debug, Clone, Serialize)]
pub struct Beacon {
    pub client: IpAddr,
    pub server: IpAddr,
    pub port: u16,
    pub transport: &'static str,
    pub connections: usize,
    /// Seconds: the median, and how far intervals are from it in the median.
    pub interval: f64,
    pub jitter: f64,
    /// 0 - 1.
    pub score: f64,
    pub timing: f64,
    pub sizes: f64,
    /// The place of one of its flows.
    pub flow: usize,
}

/// What happened between two ends: when, and how many bytes the client sent.
#[derive(Default)]
struct Series {
    times: Vec<f64>,
    sizes: Vec<f64>,
    flow: usize,
}

pub fn beacons(flows: &[Flow]) -> Vec<Beacon> {
    let mut pairs: BTreeMap<(IpAddr, IpAddr, u16, bool), Series> = BTreeMap::new();
    for (index, flow) in flows.iter().enumerate().filter(|(_, flow)| is_candidate(flow)) {
        let key = (flow.client.address, flow.server.address, flow.server.port, flow.transport == Transport::Tcp);
        if pairs.len() >= MAX_PAIRS && !pairs.contains_key(&key) {
            continue;
        }
        let series = pairs.entry(key).or_insert_with(|| Series { flow: index, ..Series::default() });
        if series.times.len() < MAX_TIMES {
            series.times.push(super::found::seconds(flow.start));
            #[allow(clippy::cast_precision_loss, reason = "sizes of flows")]
            series.sizes.push(flow.up.bytes as f64);
        }
    }
    let mut found: Vec<Beacon> = pairs.into_iter().filter_map(|(key, series)| judge(key, series)).collect();
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    found
}

/// What hosts ask all the time, and what is sent to many at once, comes as clocks do without being a beacon.
fn is_candidate(flow: &Flow) -> bool {
    let is_many = match flow.server.address {
        IpAddr::V4(it) => it.is_multicast() || it.is_broadcast() || it.octets()[3] == 255,
        IpAddr::V6(it) => it.is_multicast(),
    };
    let is_service = flow.transport == Transport::Udp
        && matches!(flow.server.port, 53 | 67 | 68 | 123 | 137 | 138 | 546 | 547 | 1900 | 3478 | 5353 | 5355);
    !is_many && !is_service
}

fn judge(key: (IpAddr, IpAddr, u16, bool), mut series: Series) -> Option<Beacon> {
    series.times.sort_by(f64::total_cmp);
    // What begins together is one visit.
    series.times.dedup_by(|later, earlier| *later - *earlier < 0.5);
    if series.times.len() < LEAST {
        return None;
    }
    let mut intervals: Vec<f64> = series.times.windows(2).filter_map(distance).collect();
    intervals.sort_by(f64::total_cmp);
    series.sizes.sort_by(f64::total_cmp);
    let (middle, deviation) = (quantile(&intervals, 2), deviation(&intervals));
    let tolerated = (middle / 2.0).clamp(1.0, 30.0 * 60.0);
    let span = series.times.last()? - series.times.first()?;
    #[allow(clippy::cast_precision_loss, reason = "a count of connections")]
    let count = series.times.len() as f64;
    // As often as the interval lets one expect.
    let often = (count * middle / span.max(1.0)).min(1.0);
    let timing = (1.0 - skewness(&intervals) + (1.0 - deviation / tolerated).max(0.0) + often) / 3.0;
    let small = (1.0 - quantile(&series.sizes, 2) / 65_535.0).max(0.0);
    let alike = (1.0 - self::deviation(&series.sizes) / 32.0).max(0.0);
    let sizes = (1.0 - skewness(&series.sizes) + alike + small) / 3.0;
    let round = module_kit::round4;
    Some(Beacon {
        client: key.0,
        server: key.1,
        port: key.2,
        transport: if key.3 { "tcp" } else { "udp" },
        connections: series.times.len(),
        interval: round(middle),
        jitter: round(deviation),
        score: round(f64::midpoint(timing, sizes)),
        timing: round(timing),
        sizes: round(sizes),
        flow: series.flow,
    })
}

fn distance(pair: &[f64]) -> Option<f64> {
    let &[earlier, later] = pair else { return None };
    Some(later - earlier)
}

/// The first, second (the median) or third quartile of what is sorted.
fn quantile(sorted: &[f64], quarter: usize) -> f64 {
    let place = sorted.len().saturating_sub(1) * quarter / 4;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// Bowley's, without its sign: 0 where both halves of the middle are as wide. As RITA does, it counts for nothing where
/// the quartiles are close to each other.
fn skewness(sorted: &[f64]) -> f64 {
    let (low, middle, high) = (quantile(sorted, 1), quantile(sorted, 2), quantile(sorted, 3));
    let is_narrow = high - low < middle / 10.0 || high - low < 1e-6;
    if is_narrow || middle <= low || middle >= high { 0.0 } else { ((low + high - 2.0 * middle) / (high - low)).abs() }
}

/// The median of the distances from the median.
fn deviation(sorted: &[f64]) -> f64 {
    let middle = quantile(sorted, 2);
    let mut distances: Vec<f64> = sorted.iter().map(|value| (value - middle).abs()).collect();
    distances.sort_by(f64::total_cmp);
    quantile(&distances, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(times: impl IntoIterator<Item = f64>, size: impl Fn(usize) -> f64) -> Option<f64> {
        let times: Vec<f64> = times.into_iter().collect();
        let sizes = (0..times.len()).map(size).collect();
        let key = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([8, 8, 8, 8]), 443, true);
        judge(key, Series { times, sizes, flow: 0 }).map(|beacon| beacon.score)
    }

    #[test]
    fn clocks_score_high_and_people_do_not() {
        let clock = score((0..30).map(|at| f64::from(at) * 60.0), |_| 300.0).unwrap_or(0.0);
        let jitter = score((0..30).map(|at| f64::from(at) * 60.0 + f64::from(at * 7 % 10)), |_| 300.0).unwrap_or(0.0);
        let person = score((0..30).map(|at| f64::from(at * at * at) / 7.0), |at| f64::from((at * 977 % 5_000) as u32))
            .unwrap_or(1.0);
        assert!(clock > 0.95 && jitter > 0.85 && person < 0.6, "{clock} {jitter} {person}");
        assert_eq!(score((0..5).map(f64::from), |_| 1.0), None);
    }
}
