from defib.report.printable import printable, shortened, spans_of_code, storable


def test_ordinary_names_stay_as_they_are():
    assert printable("encoder.層.0 größer ≤ 3") == "encoder.層.0 größer ≤ 3"


def test_line_breaks_and_tabs_become_spaces():
    assert printable("a\nb\tc\rd") == "a b c d"


def test_escape_sequences_of_a_terminal_become_visible():
    assert printable("\x1b[31mred\x9b0m") == r"\x1b[31mred\x9b0m"


def test_characters_that_turn_the_reading_direction_become_visible():
    assert printable("\u202egnp") == r"\u202egnp"


def test_lone_surrogates_can_be_stored_afterwards():
    assert printable("\udc80").encode("utf-8") == rb"\udc80"
    assert storable("a\udc80") == r"a\udc80"


def test_storable_changes_nothing_that_utf8_holds():
    assert storable("\x1b\u202e層") == "\x1b\u202e層"


def test_long_names_lose_their_middle():
    assert shortened("features.encoder.block", 9) == "feat…lock"
    assert len(shortened("x" * 500, 20)) == 20


def test_short_names_lose_nothing():
    assert shortened("fc1", 3) == "fc1"


def test_code_stands_between_backticks():
    assert spans_of_code("set `lr` to 1") == (("set ", False), ("lr", True), (" to 1", False))


def test_backtick_without_partner_is_text():
    assert spans_of_code("a `b` c ` d") == (("a ", False), ("b", True), (" c ` d", False))
    assert spans_of_code("one ` alone") == (("one ` alone", False),)
