//! What devices say of themselves.

use hailo_abi::firmware::user_config::{DEFAULT_ORANGE_ALARM_THRESHOLD, DEFAULT_RED_ALARM_THRESHOLD};

use super::survey::Survey;
use super::{DeviceAnswers, Fault, Severity, driver, firmware};

/// The temperature zones of the firmware, from cool to hot.
const ZONES: [&str; 3] = ["green", "orange", "red"];

pub(super) fn check(survey: &mut Survey<'_>, device: &DeviceAnswers) {
    let node = &device.node;
    if let Some(problem) = &device.problem {
        survey.add(
            Fault::NoAnswer,
            Severity::Error,
            format!("{node} does not answer."),
            format!("{}.", problem.trim_end_matches('.')),
            "See to the other findings first; if there are none, reload the module, or switch the computer off and on."
                .into(),
        );
    }
    // What the module says was judged already.
    let said = survey.modules.iter().any(|module| module.release == device.driver);
    if let Some(release) = device.driver.filter(|_| !said) {
        driver::unsupported(survey, &format!("The driver of {node}"), release);
    }
    if device.is_fw_loaded == Some(false) {
        survey.add(
            Fault::FirmwareNotLoaded,
            Severity::Error,
            format!("No firmware runs on {node}."),
            "The driver did not load it, or the firmware crashed.".into(),
            "Reload the module and look at `dmesg | grep -i hailo`; if that does not help, switch the computer off and on."
                .into(),
        );
    }
    if let (Some(release), Some(driver)) = (device.firmware, device.driver) {
        firmware::mismatch(survey, &format!("The firmware that runs on {node}"), release, driver);
    }
    if let Some(release) = device.firmware {
        firmware::unknown(survey, node, release);
    }
    temperature(survey, device);
    if let Some(last) = device.temperature_events.last() {
        survey.add(
            Fault::TemperatureEvent,
            Severity::Warning,
            format!("{node} changed its temperature zone while it was watched."),
            format!("The last of {} events: {last}.", device.temperature_events.len()),
            "Watch it with `hailo monitor`, and see to its cooling.".into(),
        );
    }
}

fn temperature(survey: &mut Survey<'_>, device: &DeviceAnswers) {
    let hottest = device.temperatures.map(|[first, second]| first.max(second));
    let orange = device.orange_threshold.unwrap_or(DEFAULT_ORANGE_ALARM_THRESHOLD);
    let red = device.red_threshold.unwrap_or(DEFAULT_RED_ALARM_THRESHOLD);
    let over = |threshold: i32| hottest.is_some_and(|hottest| hottest >= threshold as f32);
    let zone = device.temperature_zone.map_or(0, usize::from);
    let throttles = device.temperature_throttling == Some(true);
    let overheats = zone >= 2 || over(red);
    if !overheats && zone == 0 && !throttles && !over(orange) {
        return;
    }
    let mut cause = hottest.map_or_else(|| "It is hot".to_owned(), |hottest| format!("It has {hottest:.1} °C"));
    cause += &format!(", the orange zone starts at {orange} °C, the red zone starts at {red} °C");
    if let Some(name) = ZONES.get(zone).filter(|_| zone > 0) {
        cause += &format!("; the firmware is in the {name} zone");
    }
    cause += if throttles { " and throttles the clock." } else { "." };
    let (severity, what) = match overheats {
        true => (Severity::Error, "is overheating"),
        false => (Severity::Warning, "is hot"),
    };
    survey.add(
        Fault::Overheating,
        severity,
        format!("{} {what}.", device.node),
        cause,
        "Give it a heat sink or more air, or less work; `hailo temperature --watch` shows the effect.".into(),
    );
}
