fn main() {
    println!("cargo::rerun-if-changed=src/turbo.c");
    cc::Build::new().file("src/turbo.c").opt_level(2).compile("turbo");
    println!("cargo::rustc-link-lib=jpeg");
}
