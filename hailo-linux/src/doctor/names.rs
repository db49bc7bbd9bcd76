//! What each driver release calls its module, its class, its node, its firmware files, and which boards it knows.

use hailo_abi::DriverRelease;

const fn release(major: u32, minor: u32, revision: u32) -> DriverRelease {
    DriverRelease::new(major, minor, revision)
}

/// The first release and the one before which a span ends.
type Span = (DriverRelease, DriverRelease);

const V4_17: DriverRelease = release(4, 17, 0);
const V4_18: DriverRelease = release(4, 18, 0);
const V4_20: DriverRelease = release(4, 20, 0);
const V4_21: DriverRelease = release(4, 21, 0);
const V4_23: DriverRelease = release(4, 23, 0);
const V5_0: DriverRelease = release(5, 0, 0);
const V5_0_1: DriverRelease = release(5, 0, 1);
const V5_1: DriverRelease = release(5, 1, 0);
const V5_3: DriverRelease = release(5, 3, 0);
/// After every release that is known.
const LATER: DriverRelease = release(u32::MAX, 0, 0);

fn within(span: Span, driver: DriverRelease) -> bool {
    span.0 <= driver && driver < span.1
}

/// Releases that have their names in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    span: Span,
    /// The kernel module.
    pub(super) module: &'static str,
    /// The name of the PCI driver.
    pub(super) driver: &'static str,
    /// The device class.
    pub(super) class: &'static str,
}

/// From the oldest to the newest.
pub(super) const FAMILIES: &[Family] = &[
    Family { span: (V4_17, V5_0_1), module: "hailo_pci", driver: "hailo", class: "hailo_chardev" },
    Family { span: (V5_0_1, V5_3), module: "hailo1x_pci", driver: "hailo1x", class: "hailo_chardev" },
    Family { span: (V5_3, LATER), module: "hailo1x_pci", driver: "hailo1x", class: "hailo1x" },
];

/// The class of boards whose core sits on the system bus, from 5.3.0 on. (Before, it is that of the PCI boards.)
pub(super) const INTEGRATED_CLASS: &str = "hailo1x_integrated";

/// The modules for PCI boards.
pub(super) const MODULES: &[&str] = &["hailo_pci", "hailo1x_pci"];

/// The module for boards whose core sits on the system bus.
pub(super) const INTEGRATED_MODULE: &str = "hailo_integrated_nnc";

impl Family {
    /// The family of a release.
    pub(super) fn of(driver: DriverRelease) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| within(family.span, driver))
    }
}

/// A kind of board, by its number on the PCI bus.
pub(super) struct Kind {
    /// The device id.
    pub(super) id: u16,
    /// What the vendor calls it.
    pub(super) name: &'static str,
    /// The releases whose driver takes it.
    spans: &'static [Span],
}

/// Every kind that some release knows.
pub(super) const KINDS: &[Kind] = &[
    Kind { id: 0x2864, name: "Hailo-8", spans: &[(V4_17, V5_0_1)] },
    Kind { id: 0x45c4, name: "Hailo-10H / Hailo-15H", spans: &[(V4_17, V4_23), (V5_0, LATER)] },
    Kind { id: 0x43a2, name: "Hailo-15L", spans: &[(V4_17, V4_23), (V5_0, LATER)] },
    Kind { id: 0x26a2, name: "Hailo-12L", spans: &[(V4_21, V4_23), (V5_0, LATER)] },
];

impl Kind {
    /// The kind with this id.
    pub(super) fn of(id: u16) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.id == id)
    }

    /// Whether the driver of a release takes it.
    pub(super) fn known_to(&self, driver: DriverRelease) -> bool {
        self.spans.iter().any(|span| within(*span, driver))
    }

    /// The known releases whose driver takes it, in words.
    pub(super) fn releases(&self) -> String {
        let spans = self.spans.iter().map(|(first, end)| {
            let known = hailo_abi::interface::RELEASES.iter().map(|(release, _)| *release);
            let last = known.filter(|release| within((*first, *end), *release)).max();
            last.map_or_else(|| first.to_string(), |last| format!("{first} to {last}"))
        });
        spans.collect::<Vec<_>>().join(" and ")
    }
}

/// A file that the driver asks for when it starts a board, below the firmware directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FirmwareFile {
    /// This one.
    Exact(String),
    /// One of those in this directory whose name starts and ends so: the device tree of the board's variant.
    Variant {
        /// The directory.
        directory: &'static str,
        /// How the name starts.
        start: &'static str,
        /// How it ends.
        end: &'static str,
    },
}

/// The files without which a release does not start a board. `legacy` is the value of the parameter that makes a
/// Hailo-10H a plain accelerator. None for a release that does not know the board.
pub(super) fn firmware(id: u16, driver: DriverRelease, legacy: bool, from_emmc: bool) -> Vec<FirmwareFile> {
    let exact = |path: &str| FirmwareFile::Exact(path.to_owned());
    if !Kind::of(id).is_some_and(|kind| kind.known_to(driver)) {
        return Vec::new();
    }
    match id {
        0x2864 => vec![exact("hailo/hailo8_fw.bin")],
        0x43a2 if driver < V4_20 => vec![exact("hailo/pluto_fw.bin")],
        0x43a2 => vec![exact("hailo/hailo15l_fw.bin")],
        0x45c4 if driver < V4_18 || legacy => vec![exact("hailo/hailo15_fw.bin")],
        _ => {
            let directory = if id == 0x26a2 && driver >= V5_1 { "hailo/hailo12l" } else { "hailo/hailo10h" };
            let mut names = vec!["customer_certificate.bin", "scu_fw.bin", "u-boot-spl.bin"];
            if driver < V5_1 {
                names.push("u-boot-tfa.itb");
            }
            if driver < V5_0 {
                names.push("u-boot.dtb.signed");
            }
            if driver >= V5_0 || !from_emmc {
                names.push("fitImage");
                names.push(if driver < V4_20 { "core-image-minimal-hailo10-m2.ext4.gz" } else { "image-fs" });
            }
            let mut files: Vec<_> = names.into_iter().map(|name| exact(&format!("{directory}/{name}"))).collect();
            if driver >= V5_0 {
                files.push(FirmwareFile::Variant { directory, start: "u-boot", end: ".dtb.signed" });
            }
            files
        }
    }
}

#[cfg(test)]
mod tests {
    use hailo_abi::interface::RELEASES;

    use super::{DriverRelease, FAMILIES, Family, FirmwareFile, INTEGRATED_CLASS, KINDS, firmware};

    #[test]
    fn every_release_has_a_family_and_a_board_with_firmware() {
        for (release, _) in RELEASES {
            assert!(Family::of(*release).is_some(), "{release}");
            assert!(KINDS.iter().any(|kind| !firmware(kind.id, *release, false, false).is_empty()), "{release}");
        }
        assert!(FAMILIES.windows(2).all(|pair| pair[0].span.1 == pair[1].span.0));
    }

    #[test]
    fn the_packaged_udev_rule_names_every_class() {
        let rule = include_str!("../../packaging/50-hailo.rules");
        let (_, classes) = rule.split_once("SUBSYSTEM==\"").unwrap();
        let classes: Vec<&str> = classes.split_once('"').unwrap().0.split('|').collect();
        let mut known: Vec<&str> = FAMILIES.iter().map(|family| family.class).collect();
        known.dedup();
        known.push(INTEGRATED_CLASS);
        assert_eq!(classes, known);
    }

    #[test]
    fn firmware_names_of_some_releases() {
        let release = DriverRelease::new;
        let exact = |path: &str| vec![FirmwareFile::Exact(path.into())];
        assert_eq!(firmware(0x2864, release(4, 23, 0), false, false), exact("hailo/hailo8_fw.bin"));
        assert_eq!(firmware(0x2864, release(5, 0, 1), false, false), []);
        assert_eq!(firmware(0x43a2, release(4, 19, 0), false, false), exact("hailo/pluto_fw.bin"));
        assert_eq!(firmware(0x43a2, release(5, 3, 0), false, false), exact("hailo/hailo15l_fw.bin"));
        assert_eq!(firmware(0x43a2, release(4, 23, 0), false, false), []);
        assert_eq!(firmware(0x45c4, release(4, 17, 0), false, false), exact("hailo/hailo15_fw.bin"));
        assert_eq!(firmware(0x45c4, release(5, 2, 0), true, false), exact("hailo/hailo15_fw.bin"));
        assert_eq!(firmware(0x45c4, release(4, 20, 0), false, false).len(), 7);
        assert_eq!(firmware(0x45c4, release(4, 20, 0), false, true).len(), 5);
        assert_eq!(firmware(0x26a2, release(4, 20, 0), false, false), []);
        let later = firmware(0x26a2, release(5, 1, 0), false, false);
        assert_eq!(later.len(), 6);
        assert!(later.contains(&FirmwareFile::Exact("hailo/hailo12l/scu_fw.bin".into())));
        assert!(!later.contains(&FirmwareFile::Exact("hailo/hailo12l/u-boot-tfa.itb".into())));
    }
}
