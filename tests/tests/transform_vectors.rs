//! The host-side transforms against what the vendor's library makes of the same tensors.

use std::collections::BTreeMap;
use std::io::Read;

use hailo_linux::transform::{
    Direction, ElementType, Format, FormatOrder, InputTransform, OutputTransform, QuantInfo, Shape, TransformError,
    supports_orders, supports_types,
};
use serde::Deserialize;

/// One transform by the vendor's library.
#[derive(Deserialize)]
struct Row {
    dir: String,
    user_order: String,
    hw_order: String,
    user_type: String,
    hw_type: String,
    user_shape_hwc: [usize; 3],
    hw_shape_hwc: [usize; 3],
    zp: f32,
    scale: f32,
    status: i32,
    src: String,
    dst: String,
    unwritten: usize,
    #[serde(default)]
    unwritten_mask: String,
}

fn rows() -> Vec<Row> {
    let packed = std::fs::read(hailo_tests::golden::path("transform-vectors.jsonl.gz")).expect("a golden file");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("the golden file is sound");
    text.lines().map(|line| serde_json::from_str(line).expect("every line is a row")).collect()
}

fn order(name: &str) -> FormatOrder {
    FormatOrder::from_name(name).unwrap_or_else(|| panic!("no order {name}"))
}

fn element_type(name: &str) -> ElementType {
    let all = [ElementType::U8, ElementType::U16, ElementType::F32];
    all.into_iter().find(|t| t.name() == name).unwrap_or_else(|| panic!("no type {name}"))
}

fn shape([height, width, features]: [usize; 3]) -> Shape {
    Shape::new(height, width, features)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

/// The parameters of a row. Rows do not state the limits; these are what the results show: with scale 0.5 nothing
/// exceeds 254, though 255 would fit.
fn quant(row: &Row) -> QuantInfo {
    let full = QuantInfo::covering(ElementType::U8, row.zp, row.scale);
    if row.zp == 12.5 { QuantInfo { max: 121.0, ..full } } else { full }
}

impl Row {
    fn direction(&self) -> Direction {
        match self.dir.as_str() {
            "input" => Direction::Input,
            "output" => Direction::Output,
            other => panic!("no direction {other}"),
        }
    }

    fn user(&self) -> Format {
        Format::new(order(&self.user_order), element_type(&self.user_type), shape(self.user_shape_hwc))
    }

    fn device(&self) -> Format {
        Format::new(order(&self.hw_order), element_type(&self.hw_type), shape(self.hw_shape_hwc))
    }

    fn name(&self) -> String {
        format!("{} user {} device {} zp {} scale {}", self.dir, self.user(), self.device(), self.zp, self.scale)
    }

    /// What this library makes of the row's source, the destination filled with `before`.
    fn apply(&self, before: u8) -> Vec<u8> {
        let src = bytes(&self.src);
        let quant = [quant(self)];
        match self.direction() {
            Direction::Input => {
                let transform = InputTransform::new(self.user(), self.device(), &quant).expect("a supported row");
                let mut dst = vec![before; transform.device_size()];
                transform.apply(&src, &mut dst).expect("the source has the size of a frame");
                dst
            }
            Direction::Output => {
                let transform = OutputTransform::new(self.user(), self.device(), &quant).expect("a supported row");
                let mut dst = vec![before; transform.user_size()];
                transform.apply(&src, &mut dst).expect("the source has the size of a frame");
                dst
            }
        }
    }
}

#[test]
fn every_vector_is_reproduced() {
    let mut compared = BTreeMap::new();
    let (mut bytes_compared, mut bytes_unwritten) = (0, 0);
    for row in rows() {
        assert_eq!(row.status, 0, "{}", row.name());
        let expected = bytes(&row.dst);
        let actual = row.apply(0xa5);
        assert_eq!(actual.len(), expected.len(), "{}", row.name());
        let mask = row.unwritten_mask.as_bytes();
        assert!(mask.is_empty() || mask.len() == expected.len());
        let mut unwritten = 0;
        for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
            if mask.get(i) == Some(&b'1') {
                unwritten += 1;
            } else {
                assert_eq!(a, e, "byte {i} of {}", row.name());
                bytes_compared += 1;
            }
        }
        assert_eq!(unwritten, row.unwritten, "{}", row.name());
        bytes_unwritten += unwritten;
        assert_eq!(actual, row.apply(0x5a), "nothing of the old frame may remain: {}", row.name());
        *compared.entry((row.dir.clone(), row.user_order.clone(), row.hw_order.clone())).or_insert(0) += 1;
    }
    assert_eq!(compared.values().sum::<usize>(), 1925);
    assert_eq!((bytes_compared, bytes_unwritten), (386_454, 46_184));
    let pairs = |dir| compared.keys().filter(|(d, _, _)| d == dir).count();
    assert_eq!((pairs("input"), pairs("output")), (27, 23));
    // No pair of orders is offered that was not compared.
    for (direction, dir) in [(Direction::Input, "input"), (Direction::Output, "output")] {
        for (user, device) in pairs_of_orders() {
            let key = (dir.to_owned(), user.name().to_owned(), device.name().to_owned());
            assert_eq!(supports_orders(direction, user, device), compared.contains_key(&key), "{key:?}");
        }
    }
}

fn pairs_of_orders() -> impl Iterator<Item = (FormatOrder, FormatOrder)> {
    FormatOrder::ALL.iter().flat_map(|user| FormatOrder::ALL.iter().map(|device| (*user, *device)))
}

const BOTH: [Direction; 2] = [Direction::Input, Direction::Output];

/// Makes a transform and forgets it.
fn make(direction: Direction, user: Format, device: Format, quant: &[QuantInfo]) -> Result<(), TransformError> {
    match direction {
        Direction::Input => InputTransform::new(user, device, quant).map(drop),
        Direction::Output => OutputTransform::new(user, device, quant).map(drop),
    }
}

#[test]
fn other_orders_are_refused_by_name() {
    let shape = Shape::new(4, 8, 8);
    let (mut refused, mut accepted) = (0, 0);
    for direction in BOTH {
        for (user, device) in pairs_of_orders() {
            let format = |order| Format::new(order, ElementType::U8, shape);
            match make(direction, format(user), format(device), &[]) {
                Ok(()) => accepted += 1,
                // The only pair that needs another shape: one feature per pixel.
                Err(TransformError::Shapes { .. }) => {
                    assert_eq!((user, device), (FormatOrder::Nchw, FormatOrder::Nhw));
                    accepted += 1;
                }
                Err(error @ TransformError::Orders { .. }) => {
                    assert_eq!(error, TransformError::Orders { direction, user, device });
                    let text = error.to_string();
                    assert!(text.contains(user.name()) && text.contains(device.name()), "{text}");
                    refused += 1;
                }
                Err(other) => panic!("{direction} {user} {device}: {other}"),
            }
        }
    }
    assert_eq!((refused, accepted), (750, 50));
}

#[test]
fn other_types_are_refused_by_name() {
    let types = [ElementType::U8, ElementType::U16, ElementType::F32];
    let mut refused = 0;
    for direction in BOTH {
        for (user, device) in types.iter().flat_map(|u| types.iter().map(|d| (*u, *d))) {
            let format = |kind| Format::new(FormatOrder::Nhwc, kind, Shape::new(2, 2, 2));
            let made = make(direction, format(user), format(device), &[QuantInfo::IDENTITY]);
            assert_eq!(made.is_ok(), supports_types(direction, user, device));
            if let Err(error) = made {
                assert_eq!(error, TransformError::Types { direction, user, device });
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 9);
    // Every combination of the vectors is among the others.
    let compared: std::collections::BTreeSet<_> = rows().into_iter().map(|r| (r.dir, r.user_type, r.hw_type)).collect();
    assert_eq!(compared.len(), 9);
}
