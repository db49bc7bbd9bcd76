//! Attributes of the device and parameters of the module.

use crate::conformance::stage::{Stage, Step, Stop};
use crate::conformance::table::Outcome;

pub(super) fn attributes(stage: &Stage<'_>) -> Step {
    let device = "/sys/class/hailo_chardev/hailo0";
    if stage.system.attribute(&format!("{device}/dev")).is_none() {
        return Err(Stop::Skip("no attributes of a device hailo0 here"));
    }
    let record = |family: &str, name: &str, directory: &str| {
        let Some((text, _)) = stage.system.attribute(&format!("{directory}/{name}")) else { return };
        // The kernel's own attributes end in a line end, the driver's do not.
        let value = text.trim_end_matches('\n').replace('\n', " ");
        stage.case(&format!("{family}.{name}"), Outcome::of(Ok(0)).with("value", value));
    };
    for name in ["accelerator_type", "board_location", "dev", "device_id", "uevent"] {
        record("sysfs", name, device);
    }
    for name in [
        "force_boot_linux_from_eemc",
        "force_desc_page_size",
        "force_hailo10h_legacy_mode",
        "no_power_mode",
        "o_dbg",
        "support_soft_reset",
    ] {
        record("param", name, "/sys/module/hailo_pci/parameters");
    }
    Ok(())
}
