//! Has the driver made a device node, may it be opened, and who has it open?

use super::names::FAMILIES;
use super::survey::{Node, Survey};
use super::tree::Status;
use super::user::{User, group_name, user_name};
use super::{Fault, Severity};

pub(super) fn check(survey: &mut Survey<'_>, user: &User) {
    for board in survey.boards.clone() {
        let Some(driver) = &board.driver else { continue };
        if FAMILIES.iter().any(|family| family.driver == driver) && survey.node_of(&board).is_none() {
            let log = survey.kernel_log().map_or_else(String::new, |line| format!(" The kernel said \"{line}\"."));
            survey.add(
                Fault::NoDeviceNode,
                Severity::Error,
                format!("The driver {driver} has the {} but made no device for it.", board.label()),
                format!("Nothing in /sys/class belongs to the board: the driver did not finish to start it.{log}"),
                "Look at `dmesg | grep -i hailo`, then reload the module; if that does not help, switch the computer off \
                 and on."
                    .into(),
            );
        }
    }
    for node in survey.nodes.clone() {
        match survey.tree.status(&node.path) {
            Ok(status) => {
                permission(survey, &node, status, user);
                in_use(survey, &node);
            }
            Err(_) => missing(survey, &node),
        }
    }
}

fn missing(survey: &mut Survey<'_>, node: &Node) {
    let path = &node.path;
    let numbers = node.numbers.clone().unwrap_or_default().replace(':', " ");
    let numbers = if numbers.is_empty() { "MAJOR MINOR" } else { &numbers };
    survey.add(
        Fault::NoDeviceNode,
        Severity::Error,
        format!("The driver made the device {}, but there is no node {path}.", node.path.trim_start_matches("/dev/")),
        "Nothing created the node: /dev is not a devtmpfs or udev does not run, or this is a container that was not given \
         the device."
            .into(),
        format!("In a container, pass it on (`--device {path}`); otherwise run `sudo udevadm trigger`, or make it: `sudo \
                 mknod {path} c {numbers}`."),
    );
}

fn permission(survey: &mut Survey<'_>, node: &Node, status: Status, user: &User) {
    let ordinary = User::ordinary();
    let (user, severity) = match user.is_root() {
        // It works for root, but perhaps for nobody else.
        true => (&ordinary, Severity::Warning),
        false => (user, Severity::Error),
    };
    let group_may = status.mode & 0o060 == 0o060 && status.gid != 0;
    let live_access = || {
        // Access control lists count, too, but only the kernel knows what they mean for this process.
        survey.tree.is_live()
            && Some(rustix::process::geteuid().as_raw()) == user.uid
            && rustix::fs::access(&*node.path, rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK).is_ok()
    };
    // A group that an administrator made for the purpose is no fault as long as nobody in particular complains.
    if user.may_use(status) || user.uid.is_none() && severity == Severity::Warning && group_may || live_access() {
        return;
    }
    let path = &node.path;
    let (owner, group) = (user_name(survey.tree, status.uid), group_name(survey.tree, status.gid));
    let rule = format!("SUBSYSTEM==\"{}\", MODE=\"0666\"", node.class);
    let apply = "`sudo udevadm control --reload-rules && sudo udevadm trigger`";
    let write = format!("write the line {rule} to /etc/udev/rules.d/51-hailo-udev.rules and run {apply}");
    let mut cause = format!("It belongs to {owner}:{group} with the mode {:04o}.", status.mode);
    let remedy = if group_may {
        let name = user.name.as_deref().unwrap_or("USER");
        cause += &format!(" The group {group} may use it, but {user} is not in it.");
        format!("Add the user to the group, `sudo usermod -aG {group} {name}`, and log in again; or {write}.")
    } else {
        let rules = udev_rules(survey, &node.class);
        match rules {
            Some(file) => {
                cause += &format!(" The udev rule in {file} was not applied, or another one overrides it.");
                format!("Run {apply}; if that changes nothing, look for later rules in /etc/udev/rules.d.")
            }
            None => {
                cause += &format!(" No udev rule names the class {}.", node.class);
                if node.class != "hailo_chardev" {
                    cause += " The vendor ships none since 5.3.0, and the older one is for another class.";
                }
                let mut remedy = write;
                remedy.replace_range(..1, "W");
                format!("{remedy}; with GROUP=\"NAME\", MODE=\"0660\" instead only the members of a group may use it.")
            }
        }
    };
    let what = format!("{} may not open {path}.", capitalised(&user.to_string()));
    survey.add(Fault::NoPermission, severity, what, cause, remedy);
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The file with a udev rule for a class.
fn udev_rules(survey: &Survey<'_>, class: &str) -> Option<String> {
    let name = format!("\"{class}\"");
    for directory in ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"] {
        for file in survey.tree.list(directory) {
            let path = format!("{directory}/{file}");
            let text = survey.tree.text(&path).unwrap_or_default();
            let names = |line: &str| !line.trim_start().starts_with('#') && line.contains(&name);
            if text.lines().any(names) {
                return Some(path);
            }
        }
    }
    None
}

fn in_use(survey: &mut Survey<'_>, node: &Node) {
    let mut holders = Vec::new();
    let mut hidden = false;
    let own = survey.tree.is_live().then(|| std::process::id().to_string());
    for process in survey.tree.list("/proc") {
        if !process.bytes().all(|byte| byte.is_ascii_digit()) || own.as_ref() == Some(&process) {
            continue;
        }
        let files = survey.tree.try_list(&format!("/proc/{process}/fd"));
        hidden |= files.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        let is_node = |file: &String| {
            let link = survey.tree.link(&format!("/proc/{process}/fd/{file}"));
            link.is_some_and(|link| link.as_os_str() == node.path.as_str())
        };
        if files.unwrap_or_default().iter().any(is_node) {
            let name = survey.tree.text(&format!("/proc/{process}/comm")).unwrap_or_default();
            holders.push(format!("{name} (process {process})"));
        }
    }
    if holders.is_empty() {
        return;
    }
    let more = if hidden { " There may be others that only root can see." } else { "" };
    survey.add(
        Fault::InUse,
        Severity::Warning,
        format!("{} is open in {}.", node.path, holders.join(", ")),
        format!("Only one process at a time can use the accelerator; another one is told that it is in use.{more}"),
        "End the process if you need the device, or let both share it through the vendor's service.".into(),
    );
}
