//! Are the descriptor pages that the driver would use too large for the board?

use super::survey::Survey;
use super::tree::Tree;
use super::{Fault, Severity};

/// The largest descriptor page that the boards can, in bytes.
const LIMIT: u64 = 4096;

/// `AT_PAGESZ` in a process's auxiliary vector.
const AUXILIARY_PAGE_SIZE: u64 = 6;

/// The size of a page in bytes, as far as a system's files tell: from what the kernel says of any process, else from its
/// configuration.
pub(super) fn of(tree: &Tree) -> Option<u64> {
    if tree.is_live() {
        return u64::try_from(rustix::param::page_size()).ok();
    }
    let processes = || ["self".to_owned(), "1".to_owned()].into_iter().chain(tree.list("/proc"));
    let auxiliary = processes().find_map(|process| from_auxiliary(&tree.bytes(&format!("/proc/{process}/auxv")).ok()?));
    auxiliary
        .or_else(|| processes().find_map(|process| from_maps(&tree.text(&format!("/proc/{process}/smaps"))?)))
        .or_else(|| {
            let kernel = tree.text("/proc/sys/kernel/osrelease")?;
            let files = [format!("/boot/config-{kernel}"), format!("/lib/modules/{kernel}/config")];
            files.iter().find_map(|path| from_configuration(&tree.text(path)?))
        })
}

/// Reads `KernelPageSize:       16 kB`.
fn from_maps(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("KernelPageSize:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|size| size * 1024)
}

/// Reads the pairs of numbers that the kernel hands to a program; either of 64 bits or of 32.
fn from_auxiliary(bytes: &[u8]) -> Option<u64> {
    fn number(bytes: &[u8]) -> u64 {
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
    [8, 4].into_iter().find_map(|width| {
        let mut pairs = bytes.chunks_exact(2 * width).map(|pair| (number(&pair[..width]), number(&pair[width..])));
        let (_, size) = pairs.find(|(key, _)| *key == AUXILIARY_PAGE_SIZE)?;
        (size.is_power_of_two() && size >= 4096).then_some(size)
    })
}

/// Reads `CONFIG_ARM64_16K_PAGES=y` or `CONFIG_PAGE_SHIFT=14`.
fn from_configuration(text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
        match name {
            "ARM64_4K_PAGES" | "PAGE_SIZE_4KB" if value == "y" => Some(4096),
            "ARM64_16K_PAGES" | "PAGE_SIZE_16KB" if value == "y" => Some(16384),
            "ARM64_64K_PAGES" | "PAGE_SIZE_64KB" if value == "y" => Some(65536),
            "PAGE_SHIFT" => value.parse().ok().filter(|shift| *shift < 32).map(|shift: u32| 1 << shift),
            _ => None,
        }
    })
}

pub(super) fn check(survey: &mut Survey<'_>) {
    // What a driver answered is certain.
    let answered = survey.answers.devices.iter().find_map(|device| {
        let size = u64::from(device.desc_max_page_size?);
        Some((device.node.clone(), size))
    });
    let pages =
        survey.page_size.map_or_else(String::new, |size| format!(" The kernel's pages have {} KiB.", size / 1024));
    if let Some((node, size)) = answered {
        if size > LIMIT {
            let cause =
                format!("The driver of {node} allows descriptor pages of {size} bytes, the board only {LIMIT}.{pages}");
            add(survey, cause);
        }
        return;
    }
    let forced = survey.modules.iter().find_map(|module| {
        let size = module.parameter("force_desc_page_size")?.parse::<u64>().ok()?;
        (size != 0).then_some(size)
    });
    match (forced, survey.page_size) {
        (Some(size), _) if size > LIMIT => {
            add(
                survey,
                format!("The module's parameter force_desc_page_size is {size}, the board's limit {LIMIT}.{pages}"),
            );
        }
        (None, Some(size)) if size > LIMIT && !(survey.boards.is_empty() && survey.nodes.is_empty()) => {
            add(
                survey,
                format!(
                    "The kernel's pages have {} KiB, and without the parameter force_desc_page_size the driver uses \
                         descriptor pages of the same size; the board can at most {LIMIT} bytes.",
                    size / 1024
                ),
            );
        }
        _ => {}
    }
}

fn add(survey: &mut Survey<'_>, cause: String) {
    let module = survey.modules.first().map_or("hailo_pci", |module| module.name.as_str()).to_owned();
    let option = format!("options {module} force_desc_page_size={LIMIT}");
    survey.add(
        Fault::PageSize,
        Severity::Error,
        "The descriptor pages are larger than the board can use.".into(),
        cause,
        format!("Write the line {option} to /etc/modprobe.d/{module}.conf and reload the module: `sudo modprobe -r {module} \
                 && sudo modprobe {module}`; or boot a kernel with pages of 4 KiB."),
    );
}

#[cfg(test)]
mod tests {
    use super::{from_auxiliary, from_configuration, from_maps};

    #[test]
    fn page_sizes_in_files() {
        assert_eq!(from_maps("Size: 4 kB\nKernelPageSize:       16 kB\n"), Some(16384));
        assert_eq!(from_maps("Size: 4 kB\n"), None);
        let pair = |key: u64, value: u64| [key.to_le_bytes(), value.to_le_bytes()].concat();
        assert_eq!(from_auxiliary(&[pair(16, 1), pair(6, 16384), pair(0, 0)].concat()), Some(16384));
        let short = |key: u32, value: u32| [key.to_le_bytes(), value.to_le_bytes()].concat();
        assert_eq!(from_auxiliary(&[short(16, 1), short(6, 4096), short(0, 0)].concat()), Some(4096));
        assert_eq!(from_auxiliary(b"short"), None);
        assert_eq!(from_configuration("# CONFIG_ARM64_4K_PAGES is not set\nCONFIG_ARM64_16K_PAGES=y\n"), Some(16384));
        assert_eq!(from_configuration("CONFIG_PAGE_SHIFT=14\n"), Some(16384));
        assert_eq!(from_configuration("CONFIG_PAGE_SHIFT=99\n"), None);
    }
}
