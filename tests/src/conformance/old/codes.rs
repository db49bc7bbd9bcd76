//! Queries, calls that are no requests, and request codes that are not the driver's.

use crate::conformance::kernel::{Protection, Region};
use crate::conformance::stage::{KERNEL, NULL, Stage, Step, UNMAPPED};
use crate::conformance::system::Access;
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
            .with("revision", info.get("revision_version")),
    );
    let mut properties = a.argument("QUERY_DEVICE_PROPERTIES");
    let answer = a.call(&mut properties);
    let mut outcome = Outcome::of(answer).with("is_fw_loaded", properties.get("is_fw_loaded") != 0);
    for field in ["desc_max_page_size", "board_type", "allocation_mode", "dma_type", "dma_engines_count"] {
        outcome = outcome.with(field, properties.get(field));
    }
    stage.case("query.properties", outcome);
    let request = "QUERY_DEVICE_PROPERTIES";
    stage.case("query.properties.null", a.at(request, NULL));
    stage.case("query.properties.unmapped", a.at(request, UNMAPPED));
    stage.case("query.properties.kernel_ptr", a.at(request, KERNEL));
    stage.case("query.properties.readonly_page", a.readonly(&a.argument(request)));
    stage.case("query.driver_info.null", a.at("QUERY_DRIVER_INFO", NULL));
    stage.case("query.on_O_RDONLY_fd", stage.open_as(Access::ReadOnly)?.driver_info());

    stage.case("fd.read", stage.system.read(a.descriptor, 8));
    stage.case("fd.write", stage.system.write(a.descriptor, 8));
    stage.case("fd.lseek", stage.system.seek(a.descriptor, 4));
    Ok(())
}

pub(super) fn codes(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let zeroes = Region::untouched(4, Protection::ReadWrite);
    let layout = stage.layout;
    let (info, map) = (layout.code("QUERY_DRIVER_INFO"), layout.code("VDMA_BUFFER_MAP"));
    let sized = |code: u32, size: u32| (code & !0x3fff_0000) | size << 16;
    let directed = |code: u32, bits: u32| (code & 0x3fff_ffff) | bits << 30;
    let cases = [
        ("codes.general.size_plus8", sized(info, 20)),
        ("codes.general.size_minus4", sized(info, 8)),
        ("codes.general.dir_read", directed(info, 2)),
        ("codes.general.dir_none_size0", info & 0xffff),
        ("codes.general.nr0", 0x400c_6700),
        ("codes.general.nr99", 0x400c_6763),
        ("codes.vdma.nr16", 0x800c_7610),
        ("codes.vdma.nr255", 0x800c_76ff),
        ("codes.vdma.map_size_plus8", map + (8 << 16)),
        ("codes.vdma.map_dir_read_only", directed(map, 2)),
        ("codes.nnc.nr6", 0x0000_6e06),
        ("codes.nnc.nr99", 0x4010_6e63),
        ("codes.nnc.fw_control_wrong_size", sized(layout.code("FW_CONTROL") & 0xffff | 0xc000_6e00, 64)),
        ("codes.magic_z", 0x4010_7a01),
        ("codes.magic_0", 0x4010_0001),
        ("codes.BLKGETSIZE", 0x0000_1260),
        ("codes.zero", 0),
    ];
    for (name, code) in cases {
        stage.case(name, a.raw(code, zeroes.address));
    }
    stage.case("codes.unknown_magic_with_kernel_ptr", a.raw(0x4010_7a01, KERNEL));
    stage.case("codes.unknown_magic_dir_none_kernel_ptr", a.raw(0x0000_7a01, KERNEL));

    // 4.17 has none of these requests; the numbers are 4.23.0's there.
    let code = |request: &str, known: u32| layout.find(request).map_or(known, |found| found.code);
    zeroes.write(0, &(zeroes.address as u64).to_le_bytes());
    zeroes.write(8, &64_u64.to_le_bytes());
    stage.case("nnc.write_action_list", a.raw(code("WRITE_ACTION_LIST", 0x4018_6e05), zeroes.address));
    zeroes.write(0, &[0; 16]);
    stage.case("soc.close", a.raw(code("SOC_CLOSE", 0x8002_7301), zeroes.address));
    stage.case("soc.power_off", a.raw(code("SOC_POWER_OFF", 0x0000_7302), NULL));
    stage.case("soc.unknown_nr", a.raw(0x0000_7363, NULL));
    stage.case("pci_ep.accept", a.raw(code("PCI_EP_ACCEPT", 0xc014_7000), zeroes.address));
    Ok(())
}
