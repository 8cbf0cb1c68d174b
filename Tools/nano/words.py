"""What the pictures say. The lists are short: the model learns to read, not to know."""

NAMES = """
Anna Ben Clara David Emma Felix Grace Hugo Ivy Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tina Uwe Vera Will Yara
Zoe Adam Bella Carl Dora Eric Finn Gina Hans Irma Jonas Lena Max Nora Oscar Petra Tom
""".split()
CITIES = """
Athens Berlin Cairo Delhi Essen Faro Geneva Havana Izmir Jena Kiel Lima Milan Nice Oslo Paris Quito Rome Seoul
Tokyo Vienna Warsaw York Zurich Bern Cork Dover Graz Hull Leeds
""".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
ITEMS = """
Apples Bread Butter Cake Cheese Coffee Cream Eggs Fish Flour Grapes Honey Jam Juice Lemons Melon Milk Nuts Oil
Onions Pasta Peas Pepper Rice Salad Salt Soup Sugar Tea Water
""".split()
PRODUCTS = """
Chair Clock Cup Desk Drill Fan Glue Hammer Knife Ladder Lamp Mirror Paint Pen Plate Pump Radio Rope Saw Shelf
Sofa Spoon Table Tape Tent Towel Vase Wire Wrench Zip
""".split()
SHOPS = "Corner Shop|City Market|Blue Cafe|Old Mill|Farm Store|The Bakery|Green Deli|Sun Kiosk".split("|")
FORM_TITLES = "Order|Ticket|Invoice|Permit|Visitor|Parcel|Booking|Member".split("|")
COLUMNS = "Price Size Count Mass Age Rank".split()
CHART_TITLES = "Visitors|Rain|Orders|Calls|Trips|Output".split("|")
COLORS = "red green blue orange purple brown gray pink".split()
LABELS = "Name City Date Code Room Age Seat Price Day Item Total g".split()
CODE_LETTERS = "ABCDEFGHKLMNPRSTUVWXYZ"
# Every word that the pictures can show, once each.
EVERY = sorted(
    {
        *NAMES, *CITIES, *MONTHS, *DAYS, *ITEMS, *PRODUCTS, *COLUMNS, *FORM_TITLES, *CHART_TITLES, *LABELS,
        *" ".join(SHOPS).split(), *CODE_LETTERS,
    }
)  # fmt: skip
