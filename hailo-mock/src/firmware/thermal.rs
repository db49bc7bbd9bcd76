//! [`Thermal`]: which zone the temperature is in, and how far the clock is lowered for it.

use super::FirmwareValues;

/// What depends on the temperature now and before: a zone or a level that was entered is left only at its hysteresis threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thermal {
    /// 0 green, 1 orange, 2 red.
    pub(super) zone: u8,
    /// The level of throttling.
    pub(super) level: Option<usize>,
}

impl Thermal {
    /// Looks at the temperature.
    pub(super) fn update(&mut self, values: &FirmwareValues, throttling: bool) {
        let hottest = values.temperatures.into_iter().fold(f32::MIN, f32::max);
        let [[orange, orange_end], [red, red_end]] =
            [values.orange_threshold, values.red_threshold].map(|zone| zone.map(|degrees| degrees as f32));
        self.zone = match self.zone {
            _ if hottest >= red => 2,
            2 if hottest > red_end => 2,
            _ if hottest >= orange => 1,
            1 | 2 if hottest > orange_end => 1,
            _ => 0,
        };
        let levels = &values.throttling_levels;
        let entered = levels.iter().rposition(|level| hottest >= level.temperature_threshold);
        let before = self.level.and_then(|level| levels.get(..=level)).unwrap_or_default();
        let kept = before.iter().rposition(|level| hottest > level.hysteresis_temperature_threshold);
        self.level = if throttling { entered.max(kept) } else { None };
    }

    /// The clock that the temperature allows, in hertz, if it is to be lowered.
    pub(super) fn clock(self, values: &FirmwareValues) -> Option<u32> {
        let level = self.level.and_then(|level| values.throttling_levels.get(level));
        level.map(|level| level.throttling_nn_clock_freq)
    }
}

#[cfg(test)]
mod tests {
    use super::{FirmwareValues, Thermal};

    /// The zone, the level and the clock in megahertz after each temperature.
    fn course(temperatures: &[f32], throttling: bool) -> Vec<(u8, Option<usize>, u32)> {
        let (mut thermal, mut values) = (Thermal::default(), FirmwareValues::default());
        let mut at = |temperature| {
            values.temperatures = [temperature, 20.0];
            thermal.update(&values, throttling);
            (thermal.zone, thermal.level, thermal.clock(&values).map_or(400, |clock| clock / 1_000_000))
        };
        temperatures.iter().map(|&temperature| at(temperature)).collect()
    }

    #[test]
    fn zones_and_levels_are_left_at_their_hysteresis_thresholds() {
        assert_eq!(
            course(&[48.5, 103.9, 104.0, 100.0, 99.1, 99.0, 103.9], true),
            [
                (0, None, 400),
                (0, None, 400),
                (1, Some(0), 300),
                (1, Some(0), 300),
                (1, Some(0), 300),
                (0, None, 400),
                (0, None, 400)
            ]
        );
        assert_eq!(
            course(&[121.0, 117.0, 116.0, 109.0, 106.0, 102.0, 90.0], true),
            [
                (2, Some(3), 50),
                (2, Some(3), 50),
                (1, Some(3), 50),
                (1, Some(3), 50),
                (1, Some(2), 100),
                (1, Some(0), 300),
                (0, None, 400)
            ]
        );
    }

    #[test]
    fn without_throttling_the_clock_stays() {
        assert_eq!(course(&[121.0, 110.0, 90.0], false), [(2, None, 400), (1, None, 400), (0, None, 400)]);
    }
}
