//! Is there a board, has it a driver, and can that work?

use hailo_abi::interface::Nearest;
use hailo_abi::{DriverRelease, Interface};

use super::names::{FAMILIES, INTEGRATED_MODULE, Kind, MODULES};
use super::survey::{Board, Survey};
use super::{Fault, Severity};

pub(super) fn check(survey: &mut Survey<'_>) {
    no_device(survey);
    two_modules(survey);
    for board in survey.boards.clone() {
        let msi = no_msi(survey, &board);
        match board.driver.as_deref() {
            None => no_driver(survey, &board, msi.as_deref()),
            Some(driver) if FAMILIES.iter().any(|family| family.driver == driver) => slow_link(survey, &board),
            Some(driver) => other_driver(survey, &board, driver),
        }
        if let Some(cause) = msi {
            survey.add(
                Fault::NoMsi,
                Severity::Error,
                format!("Message signalled interrupts (MSI) are not available to the {}.", board.label()),
                cause,
                "Remove pci=nomsi from the kernel's command line, or write 1 to the msi_bus file of the bridge, and reload \
                 the module; on a board of your own design, the PCI host controller needs MSI in its device tree."
                    .into(),
            );
        }
    }
    for module in survey.modules.clone() {
        if let Some(release) = module.release {
            unsupported(survey, &format!("The kernel module {}", module.name), release);
        }
    }
}

/// Says that a release is none of the known ones.
pub(super) fn unsupported(survey: &mut Survey<'_>, who: &str, release: DriverRelease) {
    if Interface::of(release).is_some() {
        return;
    }
    let nearest = Nearest::to(release);
    survey.add(
        Fault::UnsupportedDriver,
        Severity::Error,
        format!("{who} is of release {release}, which is not supported."),
        format!("The nearest known: {nearest}. Its interface may be another one."),
        format!(
            "Install the driver of a known release, or try --assume-release {} at your own risk.",
            nearest.before.or(nearest.after).map_or_else(|| "RELEASE".into(), |release| release.to_string())
        ),
    );
}

fn no_device(survey: &mut Survey<'_>) {
    if !survey.boards.is_empty() || !survey.nodes.is_empty() {
        return;
    }
    if survey.modules.iter().any(|module| module.name == INTEGRATED_MODULE) {
        return survey.add(
            Fault::NoDeviceNode,
            Severity::Error,
            format!("The kernel module {INTEGRATED_MODULE} is loaded but made no device."),
            "The device tree of this system has no node that the module takes, or its probe failed.".into(),
            "Compare the device tree with the module's release, and look for its messages in `dmesg`.".into(),
        );
    }
    let cause = if survey.tree.exists("/sys/bus/pci/devices") {
        let count = survey.tree.list("/sys/bus/pci/devices").len();
        format!(
            "None of the {count} devices on the PCI bus has the vendor id 1e60: the board is not seated or not powered, \
                 its slot is switched off, or the link did not come up."
        )
    } else {
        "This system has no PCI bus, or sysfs is not mounted (as in some containers).".into()
    };
    survey.add(
        Fault::NoPciDevice,
        Severity::Error,
        "There is no Hailo accelerator on the PCI bus.".into(),
        cause,
        "Switch off and reseat the board, check its power and that the slot is enabled (on a Raspberry Pi 5: \
         dtparam=pciex1 in config.txt), look at `lspci -d 1e60:`, then try `echo 1 | sudo tee /sys/bus/pci/rescan`."
            .into(),
    );
}

fn two_modules(survey: &mut Survey<'_>) {
    if MODULES.iter().all(|name| survey.modules.iter().any(|module| module.name == *name)) {
        survey.add(
            Fault::TwoModules,
            Severity::Warning,
            format!("The kernel modules {} are both loaded.", MODULES.join(" and ")),
            "Up to 5.2.0 both want the class hailo_chardev and the node /dev/hailo0.".into(),
            "Unload the one that your board does not need (`sudo modprobe -r NAME`): hailo_pci is for Hailo-8, hailo1x_pci \
             for Hailo-10H and Hailo-15."
                .into(),
        );
    }
}

fn other_driver(survey: &mut Survey<'_>, board: &Board, driver: &str) {
    survey.add(
        Fault::OtherDriver,
        Severity::Error,
        format!("The {} is bound to the driver {driver}.", board.label()),
        "It was given away, for example to a virtual machine, so that the accelerator's own driver cannot have it."
            .into(),
        format!(
            "Give it back: `echo {0} | sudo tee /sys/bus/pci/drivers/{driver}/unbind`, then `echo {0} | sudo tee \
                 /sys/bus/pci/drivers_probe`; and remove the rule that binds it.",
            board.address
        ),
    );
}

fn no_driver(survey: &mut Survey<'_>, board: &Board, msi: Option<&str>) {
    let (cause, remedy) = match survey.module_of(board).cloned() {
        Some(module) => {
            let kind = Kind::of(board.device_id);
            let version = module.release.map_or_else(String::new, |release| format!(" {release}"));
            let log = survey.kernel_log().map_or_else(String::new, |line| format!(" The kernel said \"{line}\"."));
            let bad_size = module.parameter("force_desc_page_size").and_then(|value| value.parse::<u32>().ok());
            if let (Some(kind), Some(release)) = (kind, module.release)
                && !kind.known_to(release)
            {
                let cause = format!("The loaded module {}{version} does not know this board.", module.name);
                (cause, format!("Install a driver of one of the releases that do: {}.", kind.releases()))
            } else if let Some(msi) = msi {
                (
                    format!("The module {}{version} needs MSI to take the board. {msi}", module.name),
                    "Make MSI available.".into(),
                )
            } else if let Some(size) = bad_size.filter(|size| *size != 0 && !size.is_power_of_two()) {
                (
                    format!("Its parameter force_desc_page_size is {size}, which is no power of two.{log}"),
                    format!("Correct it in /etc/modprobe.d and reload the module {}.", module.name),
                )
            } else {
                (
                    format!(
                        "The module {}{version} is loaded but did not take the board: its probe failed, most often \
                             because the firmware file is missing or the board did not start.{log}",
                        module.name
                    ),
                    format!(
                        "Look at `dmesg | grep -i hailo`, see to the firmware file, then reload: `sudo modprobe -r {0} \
                             && sudo modprobe {0}`. If that does not help, switch the computer off and on.",
                        module.name
                    ),
                )
            }
        }
        None => no_module(survey, board),
    };
    let what = format!("The {} has no driver.", board.label());
    survey.add(Fault::NoDriver, Severity::Error, what, cause, remedy);
}

/// Why no module for a board is loaded, and what to do.
fn no_module(survey: &Survey<'_>, board: &Board) -> (String, String) {
    // The module for a Hailo-8 is only the older one; for all others the newer one came later.
    let names: &[&str] = if board.device_id == 0x2864 { &["hailo_pci"] } else { MODULES };
    let wanted = names.join(" or ");
    let kernel = survey.kernel.as_deref().unwrap_or_default();
    let is_module = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or_default();
        names.iter().any(|name| file.split_once(".ko").is_some_and(|(stem, _)| stem.replace('-', "_") == *name))
    };
    let installed =
        |kernel: &str| survey.tree.find(&format!("/lib/modules/{kernel}"), 6, &is_module).into_iter().next();
    if let Some(path) = Some(kernel).filter(|kernel| !kernel.is_empty()).and_then(installed) {
        let name = path.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or(&wanted).replace('-', "_");
        return match blacklist(survey, &name) {
            Some(file) => (
                format!("The kernel module {name} is installed ({path}) but {file} forbids to load it by itself."),
                format!("Remove the line from {file} and load the module: `sudo modprobe {name}`."),
            ),
            None => (
                format!("The kernel module {name} is installed ({path}) but not loaded."),
                format!(
                    "Load it: `sudo modprobe {name}`. If that fails, `dmesg` says why; with secure boot, the module must \
                         be signed."
                ),
            ),
        };
    }
    let others: Vec<_> =
        survey.tree.list("/lib/modules").into_iter().filter(|other| installed(other).is_some()).collect();
    let source = names.iter().find(|name| survey.tree.exists(&format!("/var/lib/dkms/{name}")));
    match (others.is_empty(), source) {
        (true, None) => (
            format!("The kernel module {wanted} is not installed."),
            "Install the vendor's driver package for this board, then `sudo modprobe` the module.".into(),
        ),
        (true, Some(name)) => (
            format!(
                "The source of the kernel module {name} is installed, but it was not built for the kernel {kernel}."
            ),
            "Install the headers of this kernel and run `sudo dkms autoinstall`, then `sudo modprobe` the module."
                .into(),
        ),
        (false, _) => (
            format!(
                "The kernel module {wanted} is installed for {}, but the kernel that runs is {kernel}.",
                others.join(", ")
            ),
            "Install the headers of this kernel and run `sudo dkms autoinstall`, or boot the other kernel.".into(),
        ),
    }
}

/// The file that keeps a module from being loaded.
fn blacklist(survey: &Survey<'_>, module: &str) -> Option<String> {
    for directory in ["/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"] {
        for name in survey.tree.list(directory) {
            let path = format!("{directory}/{name}");
            let forbids = |line: &str| {
                let mut words = line.split_whitespace();
                words.next() == Some("blacklist") && words.next().is_some_and(|word| word.replace('-', "_") == module)
            };
            if survey.tree.text(&path).is_some_and(|text| text.lines().any(forbids)) {
                return Some(path);
            }
        }
    }
    None
}

/// Why a board has no message signalled interrupts, if it has none.
fn no_msi(survey: &Survey<'_>, board: &Board) -> Option<String> {
    let tree = survey.tree;
    let directory = format!("/sys/bus/pci/devices/{}", board.address);
    if !tree.list(&format!("{directory}/msi_irqs")).is_empty() {
        return None;
    }
    let command_line = tree.text("/proc/cmdline").unwrap_or_default();
    let options = command_line.split_whitespace().filter_map(|word| word.strip_prefix("pci="));
    if options.flat_map(|options| options.split(',')).any(|option| option == "nomsi") {
        return Some("The kernel was started with pci=nomsi.".into());
    }
    // The directory is a link to its place below the bridges.
    let path = tree.link(&directory).unwrap_or_default();
    let above = path.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| part.contains(':'));
    for address in above.chain([board.address.clone()]) {
        if tree.text(&format!("/sys/bus/pci/devices/{address}/msi_bus")).as_deref() == Some("0") {
            return Some(format!("The kernel has switched MSI off for {address} (its msi_bus file says 0)."));
        }
    }
    // What another driver does is its own affair.
    let driver = board.driver.as_deref().filter(|driver| FAMILIES.iter().any(|family| family.driver == *driver))?;
    let interrupts = tree.text("/proc/interrupts").unwrap_or_default();
    let line = interrupts.lines().find(|line| line.split_whitespace().last() == Some(driver));
    match line {
        Some(line) if !line.contains("MSI") => {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            Some(format!("Its interrupt is a shared line, not a message; /proc/interrupts says \"{line}\"."))
        }
        Some(_) => None,
        None => (tree.exists(&format!("{directory}/irq"))).then(|| {
            "The board has a driver but no message interrupt (there is no msi_irqs in its sysfs directory).".into()
        }),
    }
}

fn slow_link(survey: &mut Survey<'_>, board: &Board) {
    let value = |name: &str| survey.tree.text(&format!("/sys/bus/pci/devices/{}/{name}", board.address));
    // "8.0 GT/s PCIe"
    let speed = |name: &str| value(name)?.split(' ').next()?.parse::<f32>().ok();
    let width = |name: &str| value(name)?.parse::<u32>().ok();
    let (Some(speed_now), Some(speed_max)) = (speed("current_link_speed"), speed("max_link_speed")) else { return };
    let (Some(width_now), Some(width_max)) = (width("current_link_width"), width("max_link_width")) else { return };
    if speed_now < speed_max || width_now < width_max {
        survey.add(
            Fault::SlowLink,
            Severity::Note,
            format!(
                "The {} uses {width_now} lanes at {speed_now} GT/s of {width_max} at {speed_max} GT/s.",
                board.label()
            ),
            "The slot has fewer lanes or is slower than the board, or the link fell back.".into(),
            "Use a faster slot, if throughput matters (on a Raspberry Pi 5: dtparam=pciex1_gen=3).".into(),
        );
    }
}
