//! The answer of `GET /regulatory_updates`.
use http::StatusCode;
use serde::Serialize;

use crate::demo::answer::Answer;

#[derive(Serialize)]
struct Updates {
    success: bool,
    updates: &'static [Update],
}

#[derive(Serialize)]
struct Update {
    id: &'static str,
    title: &'static str,
    description: &'static str,
    date: &'static str,
    impact: &'static str,
    source: &'static str,
}

const UPDATES: [Update; 3] = [
    Update {
        id: "reg-001",
        title: "Law 27.401, corporate criminal liability",
        description: "Companies answer for bribery; an integrity program is a condition for some public contracts.",
        date: "2018-03-01",
        impact: "alto",
        source: "Boletín Oficial",
    },
    Update {
        id: "reg-002",
        title: "Guidelines for integrity programs",
        description: "The anti-corruption office explains what it takes an adequate program to be.",
        date: "2018-10-04",
        impact: "medio",
        source: "Oficina Anticorrupción",
    },
    Update {
        id: "reg-003",
        title: "Register of integrity and transparency",
        description: "Companies that contract with the state may publish their integrity programs.",
        date: "2022-12-01",
        impact: "bajo",
        source: "Oficina Anticorrupción",
    },
];

pub(super) fn answer() -> Answer {
    Answer::json(StatusCode::OK, &Updates { success: true, updates: &UPDATES })
}
