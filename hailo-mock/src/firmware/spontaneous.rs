//! What the firmware of a board says of its own accord, if the options of the machine want it.

use std::sync::Arc;
use std::time::Duration;

use hailo_abi::firmware::control::LoggerLevel;
use hailo_abi::firmware::notification::{
    ClockChanged, Event, EventPriority, MAX_NOTIFICATION_SIZE, Notification, OvercurrentAlert, TemperatureAlarm,
};
use hailo_abi::wire::Bool;

use super::values::interface;
use crate::device::Cpu;
use crate::kernel::Board;
use crate::options::MachineOptions;

/// Notifications one after the other, over and over: the board gets hot, lowers its clock, cools down, draws too much.
fn event(number: u32) -> Event<'static> {
    let alarm = |temperature_zone, ts0_temperature, ts1_temperature| {
        Event::TemperatureAlarm(TemperatureAlarm { temperature_zone, alarm_ts_id: 0, ts0_temperature, ts1_temperature })
    };
    match number % 4 {
        0 => alarm(1, 105.5, 104.25),
        1 => Event::ClockChanged(ClockChanged { previous_clock: 400_000_000, current_clock: 300_000_000 }),
        2 => alarm(0, 98.0, 97.5),
        _ => Event::OvercurrentAlert(OvercurrentAlert {
            overcurrent_zone: 1,
            exceeded_alert_threshold: 2600.0,
            is_last_overcurrent_violation_reached: Bool::new(false),
        }),
    }
}

fn notify(board: &Arc<Board>, period: Duration, number: u32) {
    let version = board.firmware_version;
    let interface = interface([version.major, version.minor, version.revision]);
    let priority = if number % 4 == 1 { EventPriority::INFO } else { EventPriority::CRITICAL };
    let event = event(number);
    if let Event::TemperatureAlarm(TemperatureAlarm { ts0_temperature, ts1_temperature, .. }) = event {
        board.with_firmware(|firmware, _| firmware.warm_to([ts0_temperature, ts1_temperature]));
    }
    let notification = Notification { sequence: number, priority, ..Notification::new(event) };
    let mut bytes = [0; MAX_NOTIFICATION_SIZE];
    // Every generation has these notifications, and there is room for all of them.
    if let Ok(length) = notification.encode(interface, &mut bytes) {
        board.notification(&bytes[..length], length as u32);
    }
    board.after(period, move |board| notify(board, period, number.wrapping_add(1)));
}

fn log(board: &Arc<Board>, period: Duration, number: u64) {
    if board.device.logs(LoggerLevel::INFO) {
        board.device.append_log(Cpu::Application, format!("emulated firmware: line {number}\n").as_bytes());
    }
    board.after(period, move |board| log(board, period, number + 1));
}

/// Lets a board speak, from now on until it is gone.
pub(crate) fn start(board: &Arc<Board>, options: &MachineOptions) {
    if let Some(period) = options.notify {
        board.after(period, move |board| notify(board, period, 0));
    }
    if let Some(period) = options.log {
        log(board, period, 0);
    }
}
