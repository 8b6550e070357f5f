//! Scores by class and scheme.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::history::Class;
use crate::scheme::SchemeKind;
use crate::score::Score;

/// Scores of many histories.
#[derive(Clone, Debug, Default)]
pub struct Report {
    scores: BTreeMap<(Class, SchemeKind), Score>,
}

/// One line of the report, as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// [`Class::name`].
    pub class: &'static str,
    /// [`SchemeKind::name`].
    pub scheme: &'static str,
    /// What was counted.
    #[serde(flatten)]
    pub score: Score,
}

impl Report {
    /// Adds the score of a history.
    pub fn add(&mut self, class: Class, scheme: SchemeKind, score: Score) {
        *self.scores.entry((class, scheme)).or_default() += score;
    }

    /// The scores of a scheme, over all classes or those that `is_meant` names.
    #[must_use]
    pub fn total(&self, scheme: SchemeKind, is_meant: impl Fn(Class) -> bool) -> Score {
        let mut total = Score::default();
        for (&(class, of), score) in &self.scores {
            if of == scheme && is_meant(class) {
                total += score.clone();
            }
        }
        total
    }

    /// Everything, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.scores
            .iter()
            .map(|(&(class, scheme), score)| Line {
                class: class.name(),
                scheme: scheme.name(),
                score: score.clone(),
            })
            .collect()
    }

    /// Moved flows for people: a line for each class, a column for each scheme.
    #[must_use]
    pub fn table(&self, schemes: &[SchemeKind]) -> String {
        let mut text = format!("{:24} {:>9} {:>13}", "history", "histories", "flows");
        for scheme in schemes {
            let _ = write!(text, " {:>23}", scheme.name());
        }
        text.push('\n');
        for &class in Class::ALL {
            let Some(first) = schemes.iter().find_map(|&scheme| self.scores.get(&(class, scheme))) else {
                continue;
            };
            let _ = write!(text, "{:24} {:>9} {:>13}", class.name(), first.histories, first.opened);
            for &scheme in schemes {
                let Some(score) = self.scores.get(&(class, scheme)) else { continue };
                let _ = write!(text, " {:>23}", moved(score));
            }
            text.push('\n');
        }
        text
    }
}

#[allow(clippy::cast_precision_loss)] // a percentage
fn moved(score: &Score) -> String {
    if score.moved == 0 {
        return "0".to_owned();
    }
    let percent = score.moved as f64 * 100.0 / score.opened.max(1) as f64;
    format!("{} ({percent:.3} %)", score.moved)
}
