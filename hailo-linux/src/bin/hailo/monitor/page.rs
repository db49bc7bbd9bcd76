//! [`Page`]: what is drawn.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
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

/// Two panels beside each other would have no room for their text in a terminal of fewer columns.
const NARROW: u16 = 72;

/// Where everything stands: head, temperature, power, throttling, channels, notifications.
fn wide(area: Rect) -> [Rect; 6] {
    let rows = [Constraint::Length(3), Constraint::Length(6), Constraint::Length(5), Constraint::Min(3)];
    let [head, curves, states, events] = Layout::vertical(rows).areas(area);
    let halves = |area| Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    let [temperature, power] = halves(curves);
    let [throttling, channels] = halves(states);
    [head, temperature, power, throttling, channels, events]
}

/// As [`wide`], one below the other.
fn narrow(area: Rect) -> [Rect; 6] {
    let rows = [3, 3, 3, 5, 4].map(Constraint::Length).into_iter().chain([Constraint::Min(3)]);
    Layout::vertical(rows).areas(area)
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
        let area = frame.area();
        let [head, temperature, power, throttling, channels, events] =
            if area.width < NARROW { narrow(area) } else { wide(area) };
        self.draw_head(frame, head);
        self.draw_temperature(frame, temperature);
        self.draw_power(frame, power);
        self.draw_throttling(frame, throttling);
        self.draw_channels(frame, channels);
        self.draw_events(frame, events);
    }

    fn draw_head(&self, frame: &mut Frame<'_>, area: Rect) {
        let Who { device, driver, firmware, board } = &self.who;
        let text = format!("{board}, driver {driver}, firmware {firmware}");
        let block = Block::bordered().title(format!(" hailo monitor: {device} ").bold()).title_bottom(" q ends ");
        frame.render_widget(Paragraph::new(text).block(block), area);
    }

    fn draw_temperature(&self, frame: &mut Frame<'_>, area: Rect) {
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

    fn draw_power(&self, frame: &mut Frame<'_>, area: Rect) {
        let power = self.sample.as_ref().and_then(|sample| sample.power);
        let title = format!(" Power {} ", or_dash(power.map(|watts| format!("{watts:.3} W"))));
        let curve = Sparkline::default().data(newest(&self.powers, area.width.saturating_sub(2)));
        frame.render_widget(curve.block(Block::bordered().title(title)), area);
    }

    fn draw_throttling(&self, frame: &mut Frame<'_>, area: Rect) {
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

    fn draw_channels(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut lines = Vec::new();
        match self.sample.as_ref().map(|sample| &sample.network_groups) {
            None => lines.push(Line::from("-")),
            Some(None) => lines.push(Line::from("not to be read from this firmware")),
            Some(Some(groups)) if groups.is_empty() => lines.push(Line::from("no network group is configured")),
            Some(Some(groups)) => {
                for (index, Group { contexts, batch_size, config_channels }) in groups.iter().enumerate() {
                    let channels: Vec<_> = config_channels.iter().map(ToString::to_string).collect();
                    lines.push(Line::from(format!(
                        "group {index}: contexts {contexts}, batch {batch_size}, configuration on {}",
                        or_dash((!channels.is_empty()).then(|| channels.join(", ")))
                    )));
                }
            }
        }
        let block = Block::bordered().title(" Channels ");
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
    }

    fn draw_events(&self, frame: &mut Frame<'_>, area: Rect) {
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

    use super::{Group, Page, Sample, Who};

    fn page() -> Page {
        let who =
            Who { device: "mock".into(), driver: "4.23.0".into(), firmware: "4.23.0".into(), board: "Hailo-8".into() };
        Page::new(who)
    }

    fn drawn(page: &Page, columns: u16, rows: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| page.draw(frame)).unwrap();
        terminal.backend().buffer().content().iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn a_page_of_any_size_is_drawn() {
        let mut page = page();
        page.trouble("no more notifications".into());
        for (columns, rows) in [(1, 1), (10, 3), (20, 10), (72, 1), (71, 24), (80, 24), (300, 100)] {
            let text = drawn(&page, columns, rows);
            if columns >= 71 && rows >= 24 {
                for part in
                    ["hailo monitor: mock", "driver 4.23.0", "Temperature -", "Power -", "no more notifications"]
                {
                    assert!(text.contains(part), "{part} in {text}");
                }
            }
        }
    }

    #[test]
    fn the_channels_of_network_groups_are_listed() {
        let mut page = page();
        let mut with = |network_groups| {
            page.sample(Sample { network_groups, ..Sample::default() });
            drawn(&page, 120, 30)
        };
        assert!(with(None).contains("not to be read from this firmware"));
        assert!(with(Some(Vec::new())).contains("no network group is configured"));
        let text = with(Some(vec![
            Group { contexts: 1, batch_size: 8, config_channels: vec![1, 2] },
            Group { contexts: 3, batch_size: 1, config_channels: Vec::new() },
        ]));
        assert!(text.contains("group 0: contexts 1, batch 8, configuration on 1, 2"), "{text}");
        assert!(text.contains("group 1: contexts 3, batch 1, configuration on -"), "{text}");
    }
}
