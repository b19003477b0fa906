//! What is sold, and for how much.
//!
//! The catalogue is read from a file or is the menu that Spindle starts with; it is never changed by an order:
//! an order keeps the quote that it was placed with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::values::{Currency, Invalid, Money, Size, Sku};

/// Everything that is sold, by sku.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Menu", into = "Menu")]
pub struct Catalogue {
    products: BTreeMap<Sku, Product>,
}

/// A catalogue as it is written in a file: `[[products]]` tables.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Menu {
    products: Vec<Product>,
}

/// Something that is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name for machines.
    pub sku: Sku,
    /// Its name for people.
    pub name: String,
    /// What sort of thing it is; tax rates go by it.
    pub category: String,
    /// What it costs.
    pub prices: Prices,
    /// Whether it can be ordered now.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub available: bool,
}

/// What a product costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// One price; the product has no sizes.
    One(Money),
    /// A price for each size on offer.
    BySize(BTreeMap<Size, Money>),
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_yes(available: &bool) -> bool {
    *available
}

impl Product {
    /// The sizes on offer, small to big; none for a product without sizes.
    #[must_use]
    pub fn sizes(&self) -> Vec<Size> {
        match &self.prices {
            Prices::One(_) => Vec::new(),
            Prices::BySize(prices) => prices.keys().copied().collect(),
        }
    }

    /// What it costs in this size, if it is sold in this size.
    #[must_use]
    pub fn price(&self, size: Option<Size>) -> Option<Money> {
        match (&self.prices, size) {
            (Prices::One(price), None) => Some(*price),
            (Prices::BySize(prices), Some(size)) => prices.get(&size).copied(),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let prices: Vec<&Money> = match &self.prices {
            Prices::One(price) => vec![price],
            Prices::BySize(prices) => prices.values().collect(),
        };
        if prices.is_empty() {
            return Err(Invalid::new(format!("{} must have a price", self.sku)));
        }
        match prices.iter().find(|price| price.amount < 0) {
            Some(price) => {
                Err(Invalid::new(format!("{} must not cost less than nothing: {price}", self.sku)))
            }
            None => Ok(()),
        }
    }
}

impl Catalogue {
    /// # Errors
    /// When two products have the same sku, or one has no price or a negative one.
    pub fn new(products: impl IntoIterator<Item = Product>) -> Result<Self, Invalid> {
        let mut known = BTreeMap::new();
        for product in products {
            product.check()?;
            if let Some(twin) = known.insert(product.sku.clone(), product) {
                return Err(Invalid::new(format!("{} must be listed once", twin.sku)));
            }
        }
        Ok(Self { products: known })
    }

    /// The product with that sku.
    #[must_use]
    pub fn find(&self, sku: &Sku) -> Option<&Product> {
        self.products.get(sku)
    }

    /// Every product, by sku.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// The menu that Spindle starts with, in EUR.
    #[must_use]
    pub fn default_menu() -> Self {
        let sized = SIZED.iter().map(|(sku, name, category, cents)| {
            let sizes = [Size::Small, Size::Medium, Size::Big];
            (*sku, *name, *category, Prices::BySize(sizes.into_iter().zip(cents.map(eur)).collect()))
        });
        let plain = PLAIN
            .iter()
            .map(|(sku, name, category, cents)| (*sku, *name, *category, Prices::One(eur(*cents))));
        let products = sized
            .chain(plain)
            .filter_map(|(sku, name, category, prices)| {
                let sku = Sku::parse(sku).ok()?;
                let (name, category) = (name.to_owned(), category.to_owned());
                Some((sku.clone(), Product { sku, name, category, prices, available: true }))
            })
            .collect();
        Self { products }
    }
}

impl TryFrom<Menu> for Catalogue {
    type Error = Invalid;
    fn try_from(menu: Menu) -> Result<Self, Invalid> {
        Self::new(menu.products)
    }
}

impl From<Catalogue> for Menu {
    fn from(catalogue: Catalogue) -> Self {
        Self { products: catalogue.products.into_values().collect() }
    }
}

const fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

/// Sku, name, category, cents for small, medium and big.
const SIZED: &[(&str, &str, &str, [i64; 3])] = &[
    ("americano", "Americano", "coffee", [280, 320, 360]),
    ("cappuccino", "Cappuccino", "coffee", [320, 370, 420]),
    ("coffee", "Filter coffee", "coffee", [250, 290, 330]),
    ("cold-brew", "Cold brew", "coffee", [350, 400, 450]),
    ("cortado", "Cortado", "coffee", [290, 330, 370]),
    ("espresso", "Espresso", "coffee", [220, 260, 300]),
    ("flat-white", "Flat white", "coffee", [340, 390, 440]),
    ("latte", "Latte", "coffee", [340, 390, 440]),
    ("latte-macchiato", "Latte macchiato", "coffee", [360, 410, 460]),
    ("macchiato", "Macchiato", "coffee", [250, 290, 330]),
    ("mocha", "Mocha", "coffee", [380, 430, 480]),
    ("black-tea", "Black tea", "tea", [260, 300, 340]),
    ("chai-latte", "Chai latte", "tea", [360, 410, 460]),
    ("green-tea", "Green tea", "tea", [260, 300, 340]),
    ("tea", "Tea", "tea", [250, 290, 330]),
    ("hot-chocolate", "Hot chocolate", "drinks", [340, 390, 440]),
    ("lemonade", "Lemonade", "drinks", [300, 350, 400]),
    ("orange-juice", "Orange juice", "drinks", [320, 380, 440]),
];

/// Sku, name, category, cents.
const PLAIN: &[(&str, &str, &str, i64)] = &[
    ("bagel", "Bagel", "food", 390),
    ("brownie", "Brownie", "food", 320),
    ("cheesecake", "Cheesecake", "food", 450),
    ("cookie", "Cookie", "food", 220),
    ("croissant", "Croissant", "food", 250),
    ("muffin", "Muffin", "food", 290),
    ("sandwich", "Sandwich", "food", 590),
    ("sushi-set", "Sushi set", "food", 2_550),
    ("pho-bo", "Phở bò", "food", 900),
    ("water", "Water", "drinks", 200),
    ("prod001", "Product 001", "goods", 7_999),
    ("prod002", "Product 002", "goods", 2_999),
    ("3fa85f64-5717-4562-b3fc-2c963f66afa6", "Gift box", "goods", 2_500),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    #[test]
    fn every_product_of_the_first_menu_is_sold_at_a_price_in_euro() {
        let menu = Catalogue::default_menu();
        assert_eq!(menu.products().count(), SIZED.len() + PLAIN.len());
        let again = Catalogue::new(menu.products().cloned()).unwrap();
        assert_eq!(again, menu);
        for product in menu.products() {
            let sizes = product.sizes();
            let sizes = if sizes.is_empty() { vec![None] } else { sizes.into_iter().map(Some).collect() };
            for size in sizes {
                let price = product.price(size).unwrap();
                assert!(price.amount > 0 && price.currency == Currency::EUR, "{} {size:?}", product.sku);
            }
        }
    }

    #[test]
    fn a_sku_is_found_however_it_is_written() {
        let menu = Catalogue::default_menu();
        assert_eq!(menu.find(&sku("PROD001")).and_then(|p| p.price(None)), Some(eur(7_999)));
        assert_eq!(menu.find(&sku("PROD002")).and_then(|p| p.price(None)), Some(eur(2_999)));
        assert_eq!(menu.find(&sku("sushi-set")).and_then(|p| p.price(None)), Some(eur(2_550)));
        assert_eq!(menu.find(&sku("pho-bo")).and_then(|p| p.price(None)), Some(eur(900)));
        let gift = menu.find(&sku("3FA85F64-5717-4562-B3FC-2C963F66AFA6"));
        assert_eq!(gift.map(|p| p.name.as_str()), Some("Gift box"));
        assert_eq!(menu.find(&sku("unicorn")), None);
    }

    #[test]
    fn a_price_goes_by_size_where_there_are_sizes_and_only_there() {
        let menu = Catalogue::default_menu();
        let latte = menu.find(&sku("latte")).unwrap();
        assert_eq!(latte.price(Some(Size::Big)), Some(eur(440)));
        assert_eq!(latte.price(None), None);
        let croissant = menu.find(&sku("croissant")).unwrap();
        assert_eq!(croissant.price(None), Some(eur(250)));
        assert_eq!(croissant.price(Some(Size::Small)), None);
    }

    #[test]
    fn a_file_can_replace_the_menu() {
        let file = json!({"products": [
            {"sku": "Ale", "name": "Ale", "category": "beer", "prices": {"one": {"amount": 450, "currency": "GBP"}}},
            {"sku": "stout", "name": "Stout", "category": "beer", "available": false,
             "prices": {"by_size": {"small": {"amount": 300, "currency": "GBP"}}}},
        ]});
        let menu: Catalogue = serde_json::from_value(file).unwrap();
        assert!(menu.find(&sku("ale")).unwrap().available);
        assert!(!menu.find(&sku("stout")).unwrap().available);
        assert_eq!(serde_json::from_value::<Catalogue>(serde_json::to_value(&menu).unwrap()).unwrap(), menu);
    }

    #[test]
    fn a_menu_that_makes_no_sense_is_refused_with_the_sku() {
        let product = |sku: &str, prices: serde_json::Value| json!({"sku": sku, "name": "X", "category": "x", "prices": prices});
        let price = |amount: i64| json!({"one": {"amount": amount, "currency": "EUR"}});
        for (products, rule) in [
            (vec![product("x", price(1)), product("X", price(2))], "x must be listed once"),
            (vec![product("x", json!({"by_size": {}}))], "x must have a price"),
            (vec![product("x", price(-1))], "x must not cost less than nothing: -0.01 EUR"),
        ] {
            let error = serde_json::from_value::<Catalogue>(json!({ "products": products })).unwrap_err();
            assert!(error.to_string().contains(rule), "{error}");
        }
    }
}
