//! Queries, calls that are no requests, request codes, attributes.

use crate::conformance::kernel::{Protection, Region};
use crate::conformance::layout::Layout;
use crate::conformance::stage::{KERNEL, NULL, Stage, Step, Stop, UNMAPPED};
use crate::conformance::system::Release;
use crate::conformance::table::Outcome;

pub(super) fn queries(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let mut info = a.argument("QUERY_DRIVER_INFO");
    let answer = a.call(&mut info);
    stage.case(
        "query.driver_info",
        Outcome::of(answer)
            .with("major", info.get("major_version"))
            .with("minor", info.get("minor_version"))
            .with("revision", info.get("revision_version"))
            .with("code", format!("{:#x}", info.code)),
    );
    let request = "QUERY_DEVICE_PROPERTIES";
    stage.case("query.properties.null", a.at(request, NULL));
    stage.case("query.properties.unmapped", a.at(request, UNMAPPED));
    stage.case("query.properties.kernel_ptr", a.at(request, KERNEL));
    stage.case("query.driver_info.readonly", a.readonly(&a.argument("QUERY_DRIVER_INFO")));

    stage.case("fd.write", stage.system.write(a.descriptor, 8));
    stage.case("fd.lseek", stage.system.seek(a.descriptor, 4));
    let mode = stage.system.mode(a.descriptor);
    let bits = format!("{:04o}", mode.unwrap_or_default());
    stage.case("fd.stat", Outcome::of(mode.map(|_| 0)).with("mode", bits));
    stage.case("fd.mmap_unknown_handle", a.mmap(4096, true, 0x777_000));
    Ok(())
}

/// The releases whose codes are tried.
const RELEASES: [Release; 8] = [
    Release::new(4, 17, 0),
    Release::new(4, 20, 0),
    Release::new(4, 23, 0),
    Release::new(5, 0, 0),
    Release::new(5, 0, 1),
    Release::new(5, 1, 0),
    Release::new(5, 1, 1),
    Release::new(5, 3, 0),
];

pub(super) fn codes(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let zeroes = Region::untouched(4, Protection::ReadWrite);
    let layout = stage.layout;
    let hex = |code: u32| format!("{code:#010x}");
    for release in RELEASES {
        for (request, code) in Layout::of(release).codes() {
            match layout.named(code) {
                None => {
                    let outcome = Outcome::of(a.raw(code, zeroes.address)).with("code", hex(code));
                    stage.case(&format!("codes.foreign.{release}.{request}"), outcome);
                }
                // The code means something else here: compared, not sent.
                Some(own) if own != request => stage.case(
                    &format!("codes.collision.{release}.{request}"),
                    Outcome::of(Ok(0)).with("code", hex(code)).with("means_here", own),
                ),
                Some(_) => {}
            }
        }
    }
    let (info, map) = (layout.code("QUERY_DRIVER_INFO"), layout.code("VDMA_BUFFER_MAP"));
    let directed = |code: u32, bits: u32| (code & 0x3fff_ffff) | bits << 30;
    for (name, code) in [
        ("codes.general.size_plus8", info + (8 << 16)),
        ("codes.general.dir_other", directed(info, 2)),
        ("codes.general.nr99", 0x400c_6763),
        ("codes.vdma.nr99", 0x800c_7663),
        ("codes.vdma.map_dir", directed(map, 1)),
        ("codes.nnc.nr99", 0x8010_6e63),
        ("codes.soc.nr99", 0x0000_7363),
        ("codes.TCGETS", 0x0000_5401),
        ("codes.zero", 0),
    ] {
        stage.case(name, Outcome::of(a.raw(code, zeroes.address)).with("code", hex(code)));
    }
    stage.case("codes.unknown_magic_kernel_ptr", a.raw(0x4010_7a01, KERNEL));
    for (name, request) in [
        ("codes.own.reset_nn_core", "RESET_NN_CORE"),
        ("codes.own.soc_close", "SOC_CLOSE"),
        ("codes.own.soc_power_off", "SOC_POWER_OFF"),
        ("codes.own.pci_ep_accept", "PCI_EP_ACCEPT"),
        ("codes.own.pci_ep_close", "PCI_EP_CLOSE"),
        ("codes.own.pci_ep_listen", "PCI_EP_LISTEN"),
    ] {
        if let Some(own) = layout.find(request) {
            stage.case(name, a.raw(own.code, zeroes.address));
        }
    }
    Ok(())
}

pub(super) fn attributes(stage: &Stage<'_>) -> Step {
    let (class, node) = if stage.before(5, 3) { ("hailo_chardev", "hailo0") } else { ("hailo1x", "h1x-0") };
    let device = format!("/sys/class/{class}/{node}");
    let system = &stage.system;
    if system.attribute(&format!("{device}/dev")).is_none() {
        return Err(Stop::Skip("no attributes of the first device here"));
    }
    let parameters = "/sys/module/hailo1x_pci/parameters";
    for (name, directory) in [
        ("accelerator_type", device.as_str()),
        ("dev", &device),
        ("device_id", &device),
        ("force_desc_page_size", parameters),
        ("o_dbg", parameters),
    ] {
        let Some((text, mode)) = system.attribute(&format!("{directory}/{name}")) else { continue };
        stage.case(
            &format!("sysfs.{name}"),
            Outcome::of(Ok(0))
                .with("value", text.trim_end_matches('\n'))
                .with("newline", u8::from(text.ends_with('\n')))
                .with("mode", format!("{mode:04o}")),
        );
    }
    if let Some((target, _)) = system.attribute(&device) {
        stage.case("sysfs.class_link", Outcome::of(Ok(0)).with("value", target));
    }
    Ok(())
}
