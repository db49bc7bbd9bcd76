//! The cases of the table of 4.23.0, which the releases before it share but for the listed differences.

mod channels;
mod codes;
mod danger;
mod descriptors;
mod dma;
mod dmabuf;
mod extra;
mod firmware;
mod isolation;
mod launch;
mod mappings;
mod memory;
mod messages;
mod program;
mod removal;
mod signals;
mod sysfs;
mod wait;

use crate::conformance::Script;

pub(super) use removal::{blocked, events, fate, opened};

/// Every script, in the order of the table.
pub(super) const SCRIPTS: &[Script] = &[
    Script { families: &["query", "fd"], run: codes::queries },
    Script { families: &["codes", "nnc", "soc", "pci_ep"], run: codes::codes },
    Script { families: &["map", "unmap"], run: mappings::map },
    Script { families: &["sync", "unmap"], run: mappings::sync },
    Script { families: &["desc"], run: descriptors::create },
    Script { families: &["prog"], run: program::results },
    Script { families: &["prog"], run: program::contents },
    Script { families: &["low", "cont", "mmap", "map", "desc"], run: memory::buffers },
    Script { families: &["enable", "disable"], run: channels::enable },
    Script { families: &["wait"], run: wait::wait },
    Script { families: &["timestamps"], run: wait::timestamps },
    Script { families: &["fw"], run: firmware::arguments },
    Script { families: &["fw"], run: firmware::answers },
    Script { families: &["fw", "query"], run: firmware::absence },
    Script { families: &["notif"], run: messages::notifications },
    Script { families: &["notif"], run: messages::disabled_notifications },
    Script { families: &["log"], run: messages::logs },
    Script { families: &["inuse"], run: isolation::ownership },
    Script { families: &["iso", "open"], run: isolation::handles },
    Script { families: &["launch"], run: launch::refused },
    Script { families: &["launch"], run: launch::started },
    Script { families: &["launch"], run: launch::shapes },
    Script { families: &["dma"], run: dma::loopback },
    Script { families: &["dma", "iso"], run: dma::single },
    Script { families: &["extra"], run: extra::waiting },
    Script { families: &["extra"], run: extra::lists },
    Script { families: &["dmabuf"], run: dmabuf::dmabuf },
    Script { families: &["sysfs", "param"], run: sysfs::attributes },
    Script { families: &["sig"], run: signals::queued },
    Script { families: &["danger"], run: danger::pending },
    Script { families: &["danger"], run: danger::crashes },
    Script { families: &["danger"], run: danger::rings },
    Script { families: &["danger"], run: removal::removed },
    Script { families: &["danger"], run: removal::unloaded },
    Script { families: &["danger"], run: removal::suspended },
];
