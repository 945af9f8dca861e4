//! A new migration is part of the binary only if this crate is compiled again. The compiler notices changes of files
//! that it knows, but not new files.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
