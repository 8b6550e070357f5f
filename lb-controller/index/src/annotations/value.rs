//! What single values accept: the value, or what is wrong and what to write.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::Weights;

/// Names in `weights`; more are a slip of the pen.
const MAX_WEIGHTS: usize = 1000;
/// Bytes of a value that an error repeats.
const SHOWN: usize = 60;

/// From a second to a day.
pub(super) const DAY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

type Parsed<T> = Result<T, String>;

/// A value in quotes, shortened.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

pub(super) fn one_of<T: Copy>(choices: &[(&str, T)]) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            format!("{} is not one of {}", quoted(text), words.join(", "))
        })
    }
}

pub(super) fn number<T>(allowed: RangeInclusive<T>) -> impl Fn(&str) -> Parsed<T>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = Some(text).filter(|_| digits).and_then(|text| text.parse().ok());
        number.filter(|number| allowed.contains(number)).ok_or_else(|| {
            format!("{} is no number from {} to {}", quoted(text), allowed.start(), allowed.end())
        })
    }
}

pub(super) fn duration(allowed: RangeInclusive<Duration>) -> impl Fn(&str) -> Parsed<Duration> {
    move |text| {
        let whole_millis = |time: &Duration| time.subsec_nanos().is_multiple_of(1_000_000);
        humantime::parse_duration(text)
            .ok()
            .filter(|time| allowed.contains(time) && whole_millis(time))
            .ok_or_else(|| {
                let [low, high] =
                    [allowed.start(), allowed.end()].map(|time| humantime::format_duration(*time));
                format!(
                    "{} is no time from {low} to {high}: write one as in 500ms, 10s or 1m30s",
                    quoted(text)
                )
            })
    }
}

/// A name of something else: 1 to 253 bytes, printable.
pub(super) fn name(text: &str) -> Parsed<String> {
    if text.is_empty() || text.len() > 253 || text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!(
            "{} is no name: write 1 to 253 bytes without white space around them",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}

/// The non-empty elements between commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// `web-0=3,web-1=1,*=1`
pub(super) fn weights(text: &str) -> Parsed<Weights> {
    let mut weights = Weights { named: BTreeMap::new(), rest: None };
    for item in list(text) {
        let wanted = || format!("{} is not as in web-0=3,*=1 with weights from 0 to 65535", quoted(&item));
        let (name, weight) = item.split_once('=').ok_or_else(wanted)?;
        let weight = number(0..=u16::MAX)(weight.trim()).map_err(|_| wanted())?;
        let before = match self::name(name.trim()).map_err(|_| wanted())? {
            star if star == "*" => weights.rest.replace(weight),
            name => weights.named.insert(name, weight),
        };
        if before.is_some() {
            return Err(format!("{} stands there twice: remove one", quoted(name.trim())));
        }
        if weights.named.len() > MAX_WEIGHTS {
            return Err(format!("has more than {MAX_WEIGHTS} names: give most of them one weight with *=N"));
        }
    }
    if weights == Weights::default() {
        return Err("is empty: write NAME=WEIGHT,… as in web-0=3,*=1, or remove it".to_owned());
    }
    Ok(weights)
}

/// The name that differs least from `name`, if it is alike.
pub(super) fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let short: String = name.chars().take(SHOWN).collect();
    names
        .iter()
        .map(|known| (distance(&short, known), *known))
        .min()
        .filter(|(distance, known)| *distance * 3 <= known.len())
        .map(|(_, known)| known)
}

/// Levenshtein's, over bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.bytes().enumerate() {
            let cost = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
