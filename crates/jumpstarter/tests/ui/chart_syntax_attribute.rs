use jumpstarter::statechart;

statechart! {
    Light {
        #[serde(skip)]
        red >> green;
        on change: red => green;
    }
}

fn main() {}
