use jumpstarter::statechart;

statechart! {
    Light {
        red >> green;
        when change: red => green;
    }
}

fn main() {}
