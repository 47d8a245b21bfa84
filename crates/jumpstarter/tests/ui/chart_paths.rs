use jumpstarter::lifecycle;

fn main() {
    let _ = lifecycle::started::running::degradet;
    let _ = lifecycle::started::runing::healthy;
    let _ = lifecycle::triggers::report_warnin;
}
