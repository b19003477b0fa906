//! New migrations are embedded as soon as they are there.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
