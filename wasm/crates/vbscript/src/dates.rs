//! Dates as texts.

use script_host::time;

/// `month/day/year hour:minute:second`, each part with less. Milliseconds since 1970.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "dates of our time")]
pub fn parse(text: &str) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    let is_after_noon = lower.ends_with("pm");
    let is_before_noon = lower.ends_with("am");
    let plain = lower.trim_end_matches(['a', 'p', 'm', ' ']);
    let (mut day, mut clock) = (None, None);
    for part in plain.split_whitespace() {
        match part.contains(':') {
            true => clock = Some(clock_of(part)?),
            false => day = Some(day_of(part)?),
        }
    }
    if day.is_none() && clock.is_none() {
        return None;
    }
    let mut seconds = clock.unwrap_or(0);
    if is_after_noon && seconds < 43_200 {
        seconds += 43_200;
    }
    if is_before_noon && seconds >= 43_200 {
        seconds -= 43_200;
    }
    // Without a day it is that on which Basic's dates begin.
    let days = day.unwrap_or_else(|| time::days(1899, 12, 30));
    Some((days * 86_400 + seconds) as f64 * 1_000.0)
}

fn day_of(text: &str) -> Option<i64> {
    let parts = text.split(['/', '-', '.']).map(|part| part.parse::<i64>().ok()).collect::<Option<Vec<_>>>()?;
    let &[one, two, three] = parts.as_slice() else { return None };
    let (year, month, day) = if one > 31 { (one, two, three) } else { (three, one, two) };
    // Where the month cannot be one, it is the day.
    let (month, day) = if month > 12 { (day, month) } else { (month, day) };
    let year = if year < 30 {
        year + 2_000
    } else if year < 100 {
        year + 1_900
    } else {
        year
    };
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && (100..=9_999).contains(&year);
    fits.then(|| time::days(year, month, day))
}

fn clock_of(text: &str) -> Option<i64> {
    let parts = text.split(':').map(|part| part.parse::<i64>().ok()).collect::<Option<Vec<_>>>()?;
    let (hour, minute, second) = (parts.first()?, parts.get(1)?, parts.get(2).unwrap_or(&0));
    let fits = (0..24).contains(hour) && (0..60).contains(minute) && (0..60).contains(second);
    fits.then(|| hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_are_read_as_they_are_written() {
        assert_eq!(parse("1/2/1970"), Some(86_400_000.0));
        assert_eq!(parse("1970-01-02 1:00:00 PM"), Some(86_400_000.0 + 13.0 * 3_600_000.0));
        assert_eq!(parse("31.12.2024"), parse("12/31/2024"));
        assert_eq!(parse("99/99/99"), None);
        assert_eq!(parse(""), None);
    }
}
