"""Writes ``src/capture/bigrams.rs``: how unusual each pair of letters is in names that people make.

What is counted are the words below, each once, alone and in pairs, as names of domains are put together; they were
written for this, and are nobody else's list.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise, product
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "wasm" / "modules" / "network" / "src" / "capture" / "bigrams.rs"
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-."
"""The dot stands for both ends of a label."""
STEPS = 16
"""Steps of the table for each bit."""
JOINED = 0.3
"""How often a word is joined to another, beside how often it is written."""

WORDS = """
about academy access account action active adventure advice africa agency agent air alert alliance alpha amazing
america analytics angel animal answer apple archive area army art asia asset atlas audio australia auto avenue baby
back backup bank bar base basket bay beach bear beauty bed best beta better bible big bike bill bird bit black blog
blue board boat body book boost border boston bottle box boy brain brand bread bridge bright broadcast brother browser
budget build builder business button buy cabin cable cake calendar california call camera camp campus canada cancer
candy capital car card care career cargo cash castle cat catalog cdn center central chain challenge champion change
channel charity chart chat cheap check chef chicago chicken child china chinese choice christian church cinema circle
city classic clean clear click client climate clinic clock cloud club coach coast code coffee college color comfort
comic commerce community company compare computer concert connect construction consult contact content control cook
cool corner corporate country coupon course craft create creative credit cricket cross crown crypto culture custom
cyber daily dance data date dating day deal dear deep delivery delta democracy dental design desk detroit develop
device diamond diet digital dining direct directory discount discover display doctor document dog dollar domain door
download draft dream dress drive drop drug dynamic eagle early earth east easy echo economy edge education egg elect
electric element elite email emerald empire energy engine english enjoy enterprise equity estate europe event exact
exchange exclusive expert explore express extra eye fabric face factory family fan fantasy farm fashion fast father
feed festival field film finance find fire first fish fit fitness flag flash flight florida flow flower fly focus food
foot football force forest forever form forum forward foundation fox frame france free freedom fresh friend front fruit
fun fund furniture future gadget galaxy gallery game garden gas gate gear general genius german gift girl global gold
golf good google grand graph great green grid group grow growth guard guide guitar hair hand happy harbor hard harmony
health heart heat heaven help heritage hero hidden high hill history hobby holiday holy home honda honey hope horse
hospital host hot hotel hour house hub human hunter ice icon idea image impact india industry info ink inn innovation
inside insight instant institute insurance intel inter international internet invest iron island italy jade japan jazz
jet jewelry job join journal journey joy juice jump junior justice key kid king kitchen knight know label labs lady
lake land language laser launch law leader league learn legal lemon level liberty library life lift light lighting
like limit line link lion liquid list live living loan local lock logic london long look loop lotus love luck lunch
luxury machine magazine magic mail main make mall manage map marathon marine market marketing master match math matrix
max maze media medical meet mega member memory metal metro mexico micro mile military mind mini mint mirror mobile
model modern moment monkey month moon motion motor mountain mouse movie music mystery name nation national native
nature navy network news next night noble node north note nova number nurse nutrition oak ocean office oil old olive
olympic one online open optical orange orbit order organic original outdoor outlook oxford pacific pack page paint
palace panda paper paradise parent paris park part partner party pass patch path patient payment peace pearl people
perfect pet phoenix phone photo piano picture pilot pink pixel pizza place plan planet plant plastic platform play
plaza plus pocket point poker police policy polo pool pop portal portfolio post poster power premier premium press
price pride prime print private pro product profile profit program project promo property prospect protect proxy public
pulse pure quality quant quest quick quiz quote rabbit race radar radio rain ranch random rapid rating reach read real
record recovery recruit red reference region rent repair report rescue research resort resource response rest result
retail review reward rice rich ride right ring rise river road robot rock rocket roof room root rose royal run rush
russia safe safety sail saint sale salon sample sand save scale scan school science scout screen script sea search
season seat second secret section secure security seed select sense series serve server service seven shadow shape
share shark sharp sheet shell shield shift ship shirt shoe shop shopping short show sign signal silver simple single
sister site skill skin sky sleep slim small smart smile smoke snap snow soap soccer social soft software solar solid
solution song sonic soul sound source south space spain spark speak special speed spider spirit sport spot spring
square stable stadium staff stage standard star start state static station status stay steam steel step stock stone
stop storage store storm story strategy stream street strong student studio study style success sugar suite summer
summit sun super supply support surf survey sweet swim swiss switch symbol system table tag talent talk target taste
tax taxi tea teach team tech technology telecom temple tennis test texas text theater theory think thunder ticket tiger
time tiny tip title today token tool top total touch tour tower town toy track trade traffic trail train transfer
transport travel treasure tree trend tribe trip tropical truck true trust truth turbo turn tutor twin type ultra union
unique unit united universal university update upload urban use user valley value van vault vector vegas velocity
venture version vet victory video view villa village vintage vip virtual vision visit visual vital voice volt vote
voyage wall warrior watch water wave way wealth wear weather web wedding week weight well west whale wheel white wild
win wind window wine wing winter wire wise wish wolf woman wonder wood word work world write yacht yard year yellow
yoga york young zebra zen zero zone zoom
ads akamai amazonaws analytics api apis app apps assets auth azure banner beta bing bucket cdn chrome client cloudflare
cloudfront cname collector config connect console consumer content crl css demo dev dns doc docs edge edgekey facebook
fbcdn feeds fonts ftp gateway git github gitlab gmail google googleapis gstatic gvt icloud images imap img instagram
internal iot js json jquery linkedin live login mail maps mediafire messenger metrics microsoft mirror mobile mozilla
mqtt msedge msn mssql mta mysql netflix nginx ntp ocsp office oracle outlook paypal php ping pixel play pop portal
proxy push python rds redis registry rss safebrowsing sdk secure sentry shopify signin skype slack smtp spotify sql
ssl sso stage static stats steam stripe support sync telemetry tiktok tracker twitter ubuntu upload vimeo vpn whatsapp
wiki windows wordpress www xbox yahoo yandex youtube zendesk
"""


def words() -> list[str]:
    return sorted(set(WORDS.split()))


def counts() -> dict[tuple[str, str], float]:
    """Pairs of letters. A word stands before and behind others, and more rarely beside a digit or a dash."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    every = words()
    firsts = Counter(word[0] for word in every)
    for word in every:
        for pair in pairwise(f".{word}."):
            found[pair] += 1
        for first, times in firsts.items():
            found[word[-1], first] += JOINED * times / len(every)
        for pair in ((word[-1], "-"), ("-", word[0]), (word[-1], "1"), (word[-1], "2"), ("4", word[0])):
            found[pair] += JOINED / 5
    for pair in product("0123456789", repeat=2):
        found[pair] += 10
    return found


def table() -> list[list[int]]:
    """-log2 of the share that a letter has behind another, in steps, with a half for what never occurs."""
    found, rows = counts(), []
    for first in ALPHABET:
        total = sum(found[first, second] + 0.5 for second in ALPHABET)
        shares = [(found[first, second] + 0.5) / total for second in ALPHABET]
        rows.append([min(255, round(-math.log2(share) * STEPS)) for share in shares])
    return rows


def text() -> str:
    size = len(ALPHABET)
    lines = [
        "//! Written by `tests/wasm_modules/bigrams.py`: bits of each letter behind each, in sixteenths.",
        "",
        f'pub const ALPHABET: &[u8; {size}] = b"{ALPHABET}";',
        "",
        "#[rustfmt::skip]",
        f"pub const BITS: [[u8; {size}]; {size}] = [",
        *(f"    {row}," for row in table()),
        "];",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
