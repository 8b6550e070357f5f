use std::num::NonZeroU16;
use std::time::Duration;

use crate::Kind;
use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, Rule, Shape};
use crate::findings::Findings;
use crate::formats::{Format, duration};
use crate::view::View;

/// How changes reach forwarders. There is one, of the name that the controller is started with; its status is the record
/// of generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// How long a forwarder may take to prepare before it is fenced: 100 ms to 10 min.
    pub prepare_timeout: Duration,
    /// Slots of one set that a change may take from backends that live, in thousandths of its table; `None`: any.
    pub slots_permille: Option<u16>,
    /// Sets of which a change may take slots from backends that live; `None`: any.
    pub sets: Option<u32>,
    /// What becomes of a change above that.
    pub over_budget: OverBudget,
    /// Committed generations that can be gone back to: 1 to 100.
    pub history: NonZeroU16,
}

/// What becomes of a change above the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverBudget {
    /// It waits for `lbctl apply --yes`.
    Hold,
    /// It comes in parts, each within the budget.
    Spread {
        /// From one part to the next: 1 s to 1 h.
        interval: Duration,
    },
}

const BUDGET: Fields = Fields {
    fields: &[
        Field::optional(
            "slotsPermille",
            Shape::Number(0, 1000),
            "Slots of one backend set that a change may take from backends that live, in thousandths of its table.",
        ),
        Field::optional(
            "sets",
            Shape::Number(0, i32::MAX as i64),
            "Backend sets of which a change may take slots from backends that live.",
        ),
        Field::optional(
            "above",
            Shape::Word(&["Hold", "Spread"]),
            "What becomes of a change above that: it waits for `lbctl apply --yes`, or comes in parts.",
        )
        .default("\"Hold\""),
        Field::optional(
            "interval",
            Shape::Text(Format::Time(Duration::from_secs(1), Duration::from_secs(3600))),
            "Of Spread: from one part to the next; 10s unless set.",
        ),
    ],
    rules: &[Rule {
        cel: "!has(self.interval) || (has(self.above) && self.above == 'Spread')",
        message: "interval goes with above: Spread",
    }],
};

const SPEC: Fields = Fields {
    fields: &[
        Field::optional(
            "prepareTimeout",
            Shape::Text(Format::Time(Duration::from_millis(100), Duration::from_secs(600))),
            "How long a forwarder may take to prepare a generation before it is left behind; 10s unless set.",
        ),
        Field::optional(
            "budget",
            Shape::Object(&BUDGET),
            "How much a change may disturb without being asked about.",
        ),
        Field::optional(
            "history",
            Shape::Number(1, 100),
            "Committed generations that `lbctl rollback` can go back to; 16 unless set.",
        ),
    ],
    rules: &[],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::Rollout,
    about: "How changes reach the forwarders, and what was decided: the record of generations.",
    short_names: &[],
    columns: &[
        Column::new("Committed", "integer", ".status.record.committed.generation"),
        Column::new("Proposed", "integer", ".status.record.proposed"),
        Column::new("Rolled Back To", "integer", ".status.record.rolledBackTo").wide(),
        Column::new("Term", "integer", ".status.record.term").wide(),
    ],
    versions: &[Version { name: "v1alpha1", deprecated: None, fields: &SPEC }],
    spec: Spec::Optional,
    status: &super::status::ROLLOUT,
};

impl Default for Rollout {
    fn default() -> Self {
        Self {
            prepare_timeout: Duration::from_secs(10),
            slots_permille: None,
            sets: None,
            over_budget: OverBudget::Hold,
            history: DEFAULT_HISTORY,
        }
    }
}

const DEFAULT_HISTORY: NonZeroU16 = NonZeroU16::new(16).expect("16 is not zero");
const DEFAULT_SPREAD: Duration = Duration::from_secs(10);

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> Option<Rollout> {
    let defaults = Rollout::default();
    let budget = spec.object("budget").unwrap_or_else(|| View::new(None, spec.place("budget")));
    let interval = budget.parse("interval", duration);
    let spread = budget.text("above") == Some("Spread");
    if budget.has("interval") && !spread {
        findings.error(
            budget.place("interval"),
            "stands without `above: Spread`",
            "write that too, or leave it out",
        );
    }
    Some(Rollout {
        prepare_timeout: spec.parse("prepareTimeout", duration).unwrap_or(defaults.prepare_timeout),
        slots_permille: budget.number("slotsPermille"),
        sets: budget.number("sets"),
        over_budget: if spread {
            OverBudget::Spread { interval: interval.unwrap_or(DEFAULT_SPREAD) }
        } else {
            OverBudget::Hold
        },
        history: spec.number("history").and_then(NonZeroU16::new).unwrap_or(DEFAULT_HISTORY),
    })
}
