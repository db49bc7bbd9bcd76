//! [`Page`]: what is drawn.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline, Wrap};

use super::sample::{Group, Sample, Who};
use crate::events::Event;

/// How many readings are remembered for the curves.
const HISTORY: usize = 512;
/// How many notifications are remembered.
const EVENTS: usize = 256;
/// Tenths: curves are drawn from whole numbers.
const SCALE: f32 = 10.0;

/// What is known, to be drawn at any time.
pub(super) struct Page {
    who: Who,
    sample: Option<Sample>,
    readings: u64,
    temperatures: VecDeque<u64>,
    powers: VecDeque<u64>,
    events: VecDeque<Event>,
    trouble: Option<String>,
}

fn remember(history: &mut VecDeque<u64>, value: Option<f32>) {
    // A gap is drawn as nothing.
    history.push_back(value.map_or(0, |value| (value * SCALE).max(0.0) as u64));
    limit(history, HISTORY);
}

/// Forgets the oldest.
fn limit<T>(history: &mut VecDeque<T>, length: usize) {
    history.drain(..history.len().saturating_sub(length));
}

/// The colour of a zone.
fn zone_style(zone: Option<&str>) -> Style {
    match zone {
        Some("green") => Style::new().fg(Color::Green),
        Some("orange") => Style::new().fg(Color::Yellow),
        Some("red") => Style::new().fg(Color::Red).bold(),
        _ => Style::new(),
    }
}

fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".into())
}

/// The newest values of a history, as many as there are columns.
fn newest(history: &VecDeque<u64>, columns: u16) -> Vec<u64> {
    history.iter().skip(history.len().saturating_sub(columns.into())).copied().collect()
}

impl Page {
    pub(super) fn new(who: Who) -> Self {
        Self {
            who,
            sample: None,
            readings: 0,
            temperatures: VecDeque::new(),
            powers: VecDeque::new(),
            events: VecDeque::new(),
            trouble: None,
        }
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        remember(&mut self.temperatures, sample.temperatures.map(|[first, second]| first.max(second)));
        remember(&mut self.powers, sample.power);
        self.readings += 1;
        self.sample = Some(sample);
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
        limit(&mut self.events, EVENTS);
    }

    pub(super) fn trouble(&mut self, text: String) {
        self.trouble = Some(text);
    }

    pub(super) fn readings(&self) -> u64 {
        self.readings
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let rows = [Constraint::Length(3), Constraint::Length(6), Constraint::Length(5), Constraint::Min(3)];
        let [head, curves, states, events] = Layout::vertical(rows).areas(frame.area());
        let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(curves);
        self.draw_head(frame, head);
        self.draw_temperature(frame, left);
        self.draw_power(frame, right);
        let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(states);
        self.draw_throttling(frame, left);
        self.draw_channels(frame, right);
        self.draw_events(frame, events);
    }

    fn draw_head(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let Who { device, driver, firmware, board } = &self.who;
        let text = format!("{board}, driver {driver}, firmware {firmware}");
        let block = Block::bordered().title(format!(" hailo monitor: {device} ").bold()).title_bottom(" q ends ");
        frame.render_widget(Paragraph::new(text).block(block), area);
    }

    fn draw_temperature(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let sample = self.sample.as_ref();
        let zone = sample.and_then(|sample| sample.temperature_zone);
        let values = sample.and_then(|sample| sample.temperatures);
        let values = or_dash(values.map(|[first, second]| format!("{first:.1} / {second:.1} °C")));
        let title = format!(" Temperature {values} {} ", zone.unwrap_or("-"));
        let curve = Sparkline::default()
            .data(newest(&self.temperatures, area.width.saturating_sub(2)))
            // From cold to the hottest that the chip is made for.
            .max(120 * SCALE as u64)
            .style(zone_style(zone));
        frame.render_widget(curve.block(Block::bordered().title(title)), area);
    }

    fn draw_power(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let power = self.sample.as_ref().and_then(|sample| sample.power);
        let title = format!(" Power {} ", or_dash(power.map(|watts| format!("{watts:.3} W"))));
        let curve = Sparkline::default().data(newest(&self.powers, area.width.saturating_sub(2)));
        frame.render_widget(curve.block(Block::bordered().title(title)), area);
    }

    fn draw_throttling(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let sample = self.sample.as_ref();
        let clock = sample.and_then(|sample| sample.clock).map(|hertz| format!("{} MHz", f64::from(hertz) / 1e6));
        let level = sample.map(|sample| match sample.throttling_level {
            Some(level) => format!("level {level}"),
            None => "none".into(),
        });
        let current = sample.and_then(|sample| sample.overcurrent_zone);
        let lines = vec![
            Line::from(format!("By temperature  {}", or_dash(level))),
            Line::from(format!("Clock           {}", or_dash(clock))),
            Line::from(vec![
                Span::raw("Current zone    "),
                Span::styled(current.unwrap_or("-").to_owned(), zone_style(current)),
            ]),
        ];
        frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Throttling ")), area);
    }

    fn draw_channels(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let groups = self.sample.as_ref().and_then(|sample| sample.network_groups.as_ref());
        let mut lines = Vec::new();
        match groups {
            None => lines.push(Line::from("-")),
            Some(groups) if groups.is_empty() => lines.push(Line::from("no network group is configured")),
            Some(groups) => {
                for (index, Group { contexts, batch_size, config_channels }) in groups.iter().enumerate() {
                    let channels: Vec<_> = config_channels.iter().map(ToString::to_string).collect();
                    lines.push(Line::from(format!(
                        "group {index}: contexts {contexts}, batch {batch_size}, configuration on {}",
                        channels.join(", ")
                    )));
                }
            }
        }
        frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Channels ")), area);
    }

    fn draw_events(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect) {
        let problem = self.trouble.as_ref().or(self.sample.as_ref().and_then(|sample| sample.problem.as_ref()));
        let mut lines: Vec<Line<'_>> = problem.map(|text| Line::from(text.as_str()).red()).into_iter().collect();
        // The newest first, since the oldest are those that do not fit.
        lines.extend(self.events.iter().rev().map(|event| {
            let time = event.time.get(11..19).unwrap_or(&event.time);
            let style = if event.critical { Style::new().fg(Color::Red) } else { Style::new() };
            Line::from(vec![Span::raw(format!("{time} ")).dim(), Span::styled(event.text.as_str(), style)])
        }));
        let block = Block::bordered().title(format!(" Notifications {} ", self.events.len()));
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::{Page, Who};

    #[test]
    fn a_page_of_any_size_is_drawn() {
        let who =
            Who { device: "mock".into(), driver: "4.23.0".into(), firmware: "4.23.0".into(), board: "Hailo-8".into() };
        let mut page = Page::new(who);
        page.trouble("no more notifications".into());
        for (columns, rows) in [(1, 1), (10, 3), (20, 10), (80, 24), (300, 100)] {
            let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
            terminal.draw(|frame| page.draw(frame)).unwrap();
            let text: String = terminal.backend().buffer().content().iter().map(|cell| cell.symbol()).collect();
            if columns >= 80 {
                for part in
                    ["hailo monitor: mock", "driver 4.23.0", "Temperature -", "Power -", "no more notifications"]
                {
                    assert!(text.contains(part), "{part} in {text}");
                }
            }
        }
    }
}
