//! A line of an order as it is typed: `cappuccino:medium:2`.

use std::str::FromStr;

use spindle_domain::pricing::LineRequest;
use spindle_domain::values::{Quantity, Size, Sku};

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line(pub(super) LineRequest);

impl FromStr for Line {
    type Err = String;

    /// Reads `sku[:size][:quantity]`. No size is a number, so either may be left out.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let sku = Sku::parse(parts.next().unwrap_or_default()).map_err(|why| format!("the product {why}"))?;
        let rest: Vec<&str> = parts.collect();
        let (size, quantity) = match rest.as_slice() {
            [] => (None, None),
            [one] => match size(one) {
                Some(size) => (Some(size), None),
                None if is_number(one) => (None, Some(*one)),
                None => return Err(format!("{one:?} is neither a size (small, medium, big) nor a quantity")),
            },
            [first, second] => {
                let size =
                    size(first).ok_or_else(|| format!("{first:?} is not a size: small, medium or big"))?;
                (Some(size), Some(*second))
            }
            _ => return Err("must be SKU, SKU:SIZE, SKU:QUANTITY or SKU:SIZE:QUANTITY".to_owned()),
        };
        let number = quantity
            .map_or(Ok(1), str::parse::<i64>)
            .map_err(|_| "the quantity is not a number".to_owned())?;
        let quantity = Quantity::new(number).map_err(|why| format!("the quantity {why}"))?;
        Ok(Self(LineRequest { sku, size, quantity, unit_price: None }))
    }
}

fn size(text: &str) -> Option<Size> {
    match text {
        "small" => Some(Size::Small),
        "medium" => Some(Size::Medium),
        "big" => Some(Size::Big),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<Size>, u32) {
        let Line(line) = text.parse().unwrap();
        (line.sku.to_string(), line.size, line.quantity.get())
    }

    #[test]
    fn size_and_quantity_may_be_left_out() {
        assert_eq!(read("croissant"), ("croissant".into(), None, 1));
        assert_eq!(read("croissant:3"), ("croissant".into(), None, 3));
        assert_eq!(read("cappuccino:big"), ("cappuccino".into(), Some(Size::Big), 1));
        assert_eq!(read("Cappuccino:medium:2"), ("cappuccino".into(), Some(Size::Medium), 2));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_named() {
        let refused = |text: &str| text.parse::<Line>().unwrap_err();
        assert!(refused("").contains("product"));
        assert!(refused("a b:1").contains("product"));
        assert!(refused("cappuccino:huge").contains("huge"));
        assert!(refused("cappuccino:huge:2").contains("not a size"));
        assert!(refused("cappuccino:2:medium").contains("not a size"));
        assert!(refused("cappuccino:").contains("neither"));
        assert!(refused("cappuccino:big:").contains("not a number"));
        assert!(refused("cappuccino:0").contains("from 1"));
        assert!(refused("cappuccino:-1").contains("from 1"));
        assert!(refused("cappuccino:1000001").contains("1000000"));
        assert!(refused("cappuccino:99999999999999999999").contains("not a number"));
        assert!(refused("cappuccino:big:1:1").contains("SKU:SIZE:QUANTITY"));
    }
}
