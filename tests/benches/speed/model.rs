//! Loading a model file.

use std::hint::black_box;

use hailo_linux::hef::Hef;
use hailo_linux::network::Model;
use hailo_tests::models::artificial::{self, Artificial, Outcome};

use crate::Case;

/// The largest of the made-up models that the vendor's library took.
fn largest() -> Artificial {
    let taken = artificial::all().into_iter().filter(|model| matches!(model.outcome, Outcome::Sent(..)));
    taken.max_by_key(|model| model.hef.len()).expect("a model")
}

fn load(count: u64) {
    let file = largest().hef;
    for _ in 0..count {
        let hef = Hef::from_bytes(black_box(file.clone())).expect("a model file");
        black_box(Model::new(hef, None).expect("a model"));
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("model load", "file", (1, 11), Box::new(load))]
}
