//! Amounts as people read them.

use super::messages;
use crate::model::Language;
use std::time::Duration;

/// A number of bytes, in the largest unit that it fills.
pub(crate) fn size(language: Language, bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    let in_units = |unit| {
        let tenths = u128::from(bytes) * 10 / u128::from(unit);
        let point = match language {
            Language::Fr => ',',
            Language::En => '.',
        };
        format!("{}{point}{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..KIB => byte_count(language, bytes),
        KIB..MIB => kibibytes(language, &in_units(KIB)),
        MIB..GIB => mebibytes(language, &in_units(MIB)),
        GIB.. => gibibytes(language, &in_units(GIB)),
    }
}

/// A time that has passed, in the largest unit that it fills.
pub(crate) fn duration(language: Language, duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => in_seconds(language, seconds),
        60..3600 => in_minutes(language, seconds / 60),
        3600..86_400 => in_hours(language, seconds / 3600, seconds % 3600 / 60),
        _ => in_days(language, seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A duration in milliseconds, to a tenth, without its unit.
pub(crate) fn milliseconds(language: Language, duration: Duration) -> String {
    let number = format!("{:.1}", duration.as_secs_f64() * 1e3);
    match language {
        Language::Fr => number.replace('.', ","),
        Language::En => number,
    }
}

messages! {
    byte_count(bytes: u64) {
        fr: "{bytes} o",
        en: "{bytes} B",
    }
    kibibytes(number: &str) {
        fr: "{number} Kio",
        en: "{number} KiB",
    }
    mebibytes(number: &str) {
        fr: "{number} Mio",
        en: "{number} MiB",
    }
    gibibytes(number: &str) {
        fr: "{number} Gio",
        en: "{number} GiB",
    }
    in_seconds(seconds: u64) {
        fr: "{seconds} s",
        en: "{seconds} s",
    }
    in_minutes(minutes: u64) {
        fr: "{minutes} min",
        en: "{minutes} min",
    }
    in_hours(hours: u64, minutes: u64) {
        fr: "{hours} h {minutes} min",
        en: "{hours} h {minutes} min",
    }
    in_days(days: u64, hours: u64) {
        fr: "{days} j {hours} h",
        en: "{days} d {hours} h",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_they_fill() {
        let english = |bytes| size(Language::En, bytes);
        assert_eq!(english(0), "0 B");
        assert_eq!(english(1023), "1023 B");
        assert_eq!(english(1024), "1.0 KiB");
        assert_eq!(english(1_258_291), "1.1 MiB");
        assert_eq!(english(u64::MAX), "17179869183.9 GiB");
        assert_eq!(size(Language::Fr, 1_572_864), "1,5 Mio");
    }

    #[test]
    fn times_have_the_unit_that_they_fill() {
        let english = |seconds| duration(Language::En, Duration::from_secs(seconds));
        assert_eq!(english(59), "59 s");
        assert_eq!(english(60), "1 min");
        assert_eq!(english(3660), "1 h 1 min");
        assert_eq!(english(90_000), "1 d 1 h");
    }
}
