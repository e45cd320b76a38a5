//! The clock that moves when a script waits or looks at it, and dates as texts.

use std::cell::Cell;
use std::rc::Rc;

const DAY: i64 = 86_400_000;

/// Milliseconds since 1970, and how often it was asked for the date.
#[derive(Clone, Debug)]
pub struct Clock {
    start: u64,
    passed: Rc<Cell<u64>>,
    asked: Rc<Cell<u64>>,
}

impl Clock {
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self { start, passed: Rc::default(), asked: Rc::default() }
    }

    /// Since the script began.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.passed.get()
    }

    pub fn forward(&self, milliseconds: u64) {
        self.passed.set(self.passed.get().saturating_add(milliseconds));
    }

    /// The date, without that it counts as asked for.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.start.saturating_add(self.passed())
    }

    /// The date, for the script. Each look takes longer than the one before, so that loops that wait for a time end.
    #[must_use]
    pub fn ask(&self) -> u64 {
        const QUICK_LOOKS: u64 = 16;
        let now = self.now();
        self.forward(self.asked.get() / QUICK_LOOKS);
        self.asked.set(self.asked.get() + 1);
        now
    }

    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.asked.get() > 0
    }
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant's algorithm, `civil_from_days`).
#[must_use]
pub const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + (month <= 2) as i64, month, day)
}

/// The inverse of [`civil`].
#[must_use]
pub const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month, day, hour, minute, second.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "it saturates, and is cut to years that there are")]
pub fn parts(milliseconds: f64) -> [i64; 6] {
    let whole = (milliseconds as i64).clamp(-62_135_596_800_000, 253_402_300_799_000);
    let (year, month, day) = civil(whole.div_euclid(DAY));
    let seconds = whole.rem_euclid(DAY) / 1_000;
    [year, month, day, seconds / 3_600, seconds / 60 % 60, seconds % 60]
}

/// As Windows writes it in the United States: without the clock at midnight, and without the day with which Basic's dates
/// begin.
#[must_use]
pub fn text(milliseconds: f64) -> String {
    let [year, month, day, hour, minute, second] = parts(milliseconds);
    let has_day = [year, month, day] != [1899, 12, 30];
    if has_day && hour + minute + second == 0 {
        return format!("{month}/{day}/{year}");
    }
    let clock = clock_text(hour, minute, second);
    if has_day { format!("{month}/{day}/{year} {clock}") } else { clock }
}

/// The time of a day, of twelve hours.
#[must_use]
pub fn clock_text(hour: i64, minute: i64, second: i64) -> String {
    let half = if hour < 12 { "AM" } else { "PM" };
    format!("{}:{minute:02}:{second:02} {half}", (hour + 11) % 12 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        for day in (-800_000..800_000).step_by(97) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!(text(1_709_210_096_000.0), "2/29/2024 12:34:56 PM");
    }
}
