//! The cases of the tables of 5.2.0 and 5.3.0.

mod channels;
mod codes;
mod danger;
mod launch;
mod lists;
mod mappings;
mod messages;
mod prepare;
mod removal;
mod wait;

use crate::conformance::Script;

/// Every script, in the order of the tables.
pub(super) const SCRIPTS: &[Script] = &[
    Script { families: &["query", "fd"], run: codes::queries },
    Script { families: &["codes"], run: codes::codes },
    Script { families: &["map", "unmap"], run: mappings::map },
    Script { families: &["sync"], run: mappings::sync },
    Script { families: &["desc", "cont"], run: lists::create },
    Script { families: &["prog"], run: lists::program_lists },
    Script { families: &["enable", "disable"], run: channels::enable },
    Script { families: &["timestamps"], run: channels::timestamps },
    Script { families: &["wait"], run: wait::wait },
    Script { families: &["launch"], run: launch::refused },
    Script { families: &["launch"], run: launch::rings },
    Script { families: &["launch"], run: launch::mappings },
    Script { families: &["launch"], run: launch::limits },
    Script { families: &["prepare", "cancel"], run: prepare::prepare },
    Script { families: &["prepare"], run: prepare::stopped },
    Script { families: &["dma"], run: launch::loopback },
    Script { families: &["fw"], run: messages::firmware },
    Script { families: &["notif"], run: messages::notifications },
    Script { families: &["log"], run: messages::logs },
    Script { families: &["inuse"], run: messages::ownership },
    Script { families: &["sysfs"], run: codes::attributes },
    Script { families: &["danger"], run: danger::harmless },
    Script { families: &["danger"], run: danger::crashes },
    Script { families: &["danger"], run: danger::prepared },
    Script { families: &["danger"], run: danger::pending },
    Script { families: &["danger"], run: removal::removed },
    Script { families: &["danger"], run: removal::unloaded },
    Script { families: &["danger"], run: removal::suspended },
];
