// Everything that Bursar knows of locales comes out of this script: it asks
// Node's Intl, which carries Unicode's CLDR, how a locale writes money and dates,
// and derives from the answers the table ../../money_cldr.go and the samples
// ../../testdata/money_cldr.tsv.
//
//   node cldr.mjs            writes both
//   node cldr.mjs answer     reads {"money":[[locale,currency,minor]…],"dates":[[locale,style,date]…]}
//                            from stdin and answers what Intl writes for each
//
// It derives nothing that it does not check: each locale's row has to reproduce
// what Intl writes for every currency, sign and size below, or nothing is written.

import {execFileSync} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';

// What Checkout speaks, and what else customers' preferred locales often name.
// A tag whose row is its parent's (de-LU) is left out of the table.
const tags = `en en-001 en-AU en-CA en-GB en-HK en-IE en-IN en-NZ en-SG en-ZA
  es es-419 es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-PY es-SV es-US es-UY es-VE
  de de-AT de-BE de-CH de-LI de-LU fr fr-BE fr-CA fr-CH fr-LU it it-CH nl nl-BE pt pt-PT
  da sv fi nb is et lv lt pl cs sk sl hr hr-BA hu ro ro-MD bg el el-CY tr ru uk mt
  he ar hi ja ko zh zh-HK zh-MO zh-SG zh-TW th vi id ms ms-SG fil`.split(/\s+/);

// Tags that CLDR spells otherwise, and scripts that stand for regions.
const aliases = {
  no: 'nb', nn: 'nb', iw: 'he', in: 'id', tl: 'fil',
  'zh-hant': 'zh-TW', 'zh-hant-hk': 'zh-HK', 'zh-hant-mo': 'zh-MO', 'zh-hans-sg': 'zh-SG',
};

// https://docs.stripe.com/currencies
const currencies = `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD
  CAD CDF CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF
  IDR ILS INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR
  MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP
  SLE SOS SRD STD SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW`.split(/\s+/);
const zeroDecimal = 'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' ');
const threeDecimal = 'BHD JOD KWD OMR TND'.split(' ');
const twoButWhole = 'ISK UGX'.split(' '); // sent in hundredths, which do not exist

// What Intl writes.

const memo = new Map();
const cached = (key, make) => memo.get(key) ?? (memo.set(key, make()), memo.get(key));

function number(tag, currency, digits, currencyDisplay = 'symbol') {
  return cached([tag, currency, digits, currencyDisplay].join(), () => new Intl.NumberFormat(tag, {
    style: 'currency', currency, currencyDisplay, minimumFractionDigits: digits, maximumFractionDigits: Math.max(20, digits),
  }));
}

function dates(tag, style) {
  return cached([tag, style].join(), () => new Intl.DateTimeFormat(tag, {dateStyle: style, timeZone: 'UTC'}));
}

const day = (y, m, d) => new Date(Date.UTC(y, m - 1, d));

// intlMoney writes minor, a decimal number of Stripe's minor units as a string.
function intlMoney(tag, currency, minor) {
  currency = currency.toUpperCase();
  const exponent = zeroDecimal.includes(currency) ? 0 : threeDecimal.includes(currency) ? 3 : 2;
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(minor);
  const padded = whole.padStart(exponent + 1, '0');
  const at = padded.length - exponent;
  const rest = (padded.slice(at) + fraction).replace(/0+$/, '');
  const digits = twoButWhole.includes(currency) && rest === '' ? 0 : exponent;
  const zero = /^0*$/.test(padded.slice(0, at) + rest);
  return number(tag, currency, digits).format(`${zero ? '' : sign}${padded.slice(0, at)}.${rest || '0'}`);
}

// intlDate takes the parts, because V8's format() writes a space where CLDR has a
// narrow no-break space.
const intlDate = (tag, style, date) => dates(tag, style).formatToParts(new Date(date + 'T00:00:00Z')).map(p => p.value).join('');

// A row, as Intl shows it.

const join = (parts, type) => parts.filter(p => p.type === type).map(p => p.value);

function moneyRow(tag) {
  // The bare patterns show with a symbol that no spacing rule touches. Some
  // locales (es-419) have one in the narrow style alone.
  const bare = currencies.find(c => /^\p{Sc}$/u.test(join(number(tag, c, 2, 'narrowSymbol').formatToParts(1), 'currency')[0]));
  const parts = value => number(tag, bare, 2, 'narrowSymbol').formatToParts(value);
  const inNumber = ['integer', 'group', 'decimal', 'fraction'];
  const pattern = value => {
    let out = '';
    for (const p of parts(value)) {
      if (p.type === 'currency') out += '¤';
      else if (!inNumber.includes(p.type)) out += p.value;
      else if (!out.endsWith('#')) out += '#';
    }
    return out;
  };
  const positive = pattern(1), decimal = join(parts(1), 'decimal')[0];
  // The part named currency lacks the marks of direction that belong to a symbol
  // in Hebrew: the symbol is what the pattern leaves.
  const symbolOf = c => {
    const [before, after] = positive.replace('#', () => `1${decimal}00`).split('¤');
    const text = number(tag, c, 2).format(1);
    if (!text.startsWith(before) || !text.endsWith(after)) throw Error(`${tag}: ${text} is not ${positive}`);
    const symbol = text.slice(before.length, text.length - after.length);
    return positive.includes('¤#') ? symbol.replace(/\u00a0$/, '') : symbol;
  };
  const long = parts('123456789012.5');
  const groups = join(long, 'integer').map(s => s.length);
  return {
    positive, negative: pattern(-1), decimal, group: join(long, 'group')[0],
    primary: groups.at(-1), secondary: groups.at(-2),
    minimum: [1, 2, 3, 4].find(n => join(parts('1' + '0'.repeat(groups.at(-1) + n - 1)), 'group').length),
    symbols: Object.fromEntries(currencies.map(c => [c, symbolOf(c)])),
  };
}

function dateRow(tag, style) {
  const names = [];
  const patterns = new Set();
  let era = 0;
  for (let m = 1; m <= 12; m++) {
    for (const d of [5, 25]) {
      let pattern = '';
      for (const {type, value} of dates(tag, style).formatToParts(day(2026, m, d))) {
        if (type === 'literal') pattern += value;
        else if (type === 'day') pattern += value.startsWith('0') || d > 9 ? '{dd}' : '{d}';
        else if (type === 'year') [pattern, era] = [pattern + '{y}', Number(value) - 2026];
        else if (type !== 'month') throw Error(`${tag}: a date has a ${type}`);
        else if (value === String(m)) pattern += m > 9 ? '{mm}' : '{m}';
        else if (value === String(m).padStart(2, '0')) pattern += '{mm}';
        else [pattern, names[m - 1]] = [pattern + '{name}', value];
      }
      patterns.add(pattern);
    }
  }
  // Two-digit days and months look the same padded or not: the shortest tells.
  const shortest = [...patterns].sort((a, b) => a.length - b.length)[0];
  return {pattern: shortest, names: names.length ? names.join('|') : '', era};
}

function row(tag) {
  const long = dateRow(tag, 'long'), medium = dateRow(tag, 'medium');
  return {
    ...moneyRow(tag), long: long.pattern, medium: medium.pattern,
    months: long.names, short: medium.names === long.names ? '' : medium.names, era: long.era,
  };
}

// What the row says, by the rules that the Go code follows.

function rowMoney(r, currency, value) {
  const [, sign, whole, fraction] = /^(-?)(\d+)\.(\d+)$/.exec(value);
  let digits = whole;
  if (whole.length >= r.primary + r.minimum) {
    const groups = [whole.slice(-r.primary)];
    for (let rest = whole.slice(0, -r.primary); rest; rest = rest.slice(0, -r.secondary)) groups.unshift(rest.slice(-r.secondary));
    digits = groups.join(r.group);
  }
  let symbol = r.symbols[currency];
  const pattern = sign ? r.negative : r.positive;
  if (pattern.includes('¤#') && !/\p{S}$/u.test(symbol)) symbol += '\u00a0';
  return pattern.replace('#', () => digits + r.decimal + fraction).replace('¤', () => symbol);
}

function rowDate(r, style, y, m, d) {
  const names = (style === 'medium' && r.short || r.months).split('|');
  const two = n => String(n).padStart(2, '0');
  return r[style].replace(/\{(\w+)\}/g, (_, k) => ({y: y + r.era, m, mm: two(m), d, dd: two(d), name: names[m - 1]})[k]);
}

function check(tag, r) {
  const differ = (what, got, want) => {
    if (got !== want) throw Error(`${tag}: ${what} is ${JSON.stringify(want)}, the row says ${JSON.stringify(got)}`);
  };
  for (const c of currencies) {
    for (const v of ['0.00', '5.00', '999.99', '1234.50', '12345.00', '123456.78', '1234567.00', '92233720368547758.08']) {
      for (const s of ['', '-']) if (v !== '0.00' || !s) differ(s + v + c, rowMoney(r, c, s + v), number(tag, c, 2).format(s + v));
    }
  }
  for (const style of ['long', 'medium']) {
    for (let i = 0; i < 800; i++) {
      const t = new Date(Date.UTC(2024, 0, 1 + i));
      differ(style, rowDate(r, style, t.getUTCFullYear(), t.getUTCMonth() + 1, t.getUTCDate()), intlDate(tag, style, t.toISOString().slice(0, 10)));
    }
  }
}

// The files.

// Invisible characters are escaped, so that the table can be read.
const quoted = s => '"' + s.replace(/[\\"]/g, '\\$&').replace(/[\p{Z}\p{C}]/gu, c => c === ' ' ? c : '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')) + '"';

// mostCommon is each currency's symbol in most locales; rows hold what differs.
function mostCommon(rows) {
  return Object.fromEntries(currencies.map(c => {
    const count = new Map();
    for (const r of rows) count.set(r.symbols[c], (count.get(r.symbols[c]) ?? 0) + 1);
    return [c, [...count].sort((a, b) => b[1] - a[1])[0][0]];
  }));
}

const packed = symbols => symbols.length ? '|' + symbols.map(([c, s]) => `${c}=${s}|`).join('') : '';

function table(rows, index) {
  const common = mostCommon([...rows.values()].map(r => r.row));
  let out = `// Code generated by internal/gen/cldr.mjs; DO NOT EDIT.
// Facts of Unicode CLDR ${process.versions.cldr} (Unicode License v3), as Node's Intl tells them.

package billing

// cldrVersion is the release of CLDR that the table was made of.
const cldrVersion = "${process.versions.cldr}"

// commonSymbols are the currencies' symbols where a locale has none of its own.
const commonSymbols = ${quoted(packed(Object.entries(common).filter(([c, s]) => c !== s)))}

// localeRows leads from tags in lower case, sorted, to rows of localeTable.
var localeRows = []localeRow{
`;
  for (const [tag, n] of [...index].sort(([a], [b]) => a < b ? -1 : 1)) out += `{${quoted(tag)}, ${n}},\n`;
  out += '}\n\nvar localeTable = []localeData{\n';
  for (const {tag, row: r} of rows.values()) {
    const own = packed(currencies.filter(c => r.symbols[c] !== common[c]).map(c => [c, r.symbols[c]]));
    out += `{ // ${tag}
positive: ${quoted(r.positive)}, negative: ${quoted(r.negative)}, decimal: ${quoted(r.decimal)}, group: ${quoted(r.group)}, primary: ${r.primary}, secondary: ${r.secondary}, minimum: ${r.minimum},
symbols: ${quoted(own)},
long: ${quoted(r.long)}, medium: ${quoted(r.medium)}, era: ${r.era},
months: ${quoted(r.months)},
short: ${quoted(r.short)},
},
`;
  }
  return out + '}\n';
}

const sampled = {
  money: [
    ...['usd', 'eur', 'gbp', 'jpy', 'chf', 'isk', 'kwd', 'inr', 'sek', 'brl'].flatMap(c => [[c, '123456789'], [c, '-500']]),
    ['usd', '-9223372036854775808'], ['eur', '123400'], ['usd', '0'], ['usd', '0.5'], ['eur', '123456.78900'], ['ugx', '150050'],
  ],
  dates: ['2026-01-05', '2026-03-31', '2026-09-09', '2026-11-21'],
};

function samples(all) {
  let out = `# Unicode CLDR ${process.versions.cldr}, written by internal/gen/cldr.mjs: locale, currency or style of date, minor units or day, text.\n`;
  for (const tag of all) {
    for (const [c, minor] of sampled.money) out += [tag, c, minor, intlMoney(tag, c, minor)].join('\t') + '\n';
    for (const style of ['long', 'medium']) for (const d of sampled.dates) out += [tag, style, d, intlDate(tag, style, d)].join('\t') + '\n';
  }
  return out;
}

function write() {
  const made = new Map(tags.map(tag => [tag, row(tag)]));
  const rows = new Map(); // by content
  const index = new Map();
  for (const [tag, r] of made) {
    check(tag, r);
    const same = JSON.stringify(r);
    const parent = tag.replace(/-[^-]*$/, '');
    if (parent !== tag && JSON.stringify(made.get(parent)) === same) continue;
    if (!rows.has(same)) rows.set(same, {tag, row: r, n: rows.size});
    index.set(tag.toLowerCase(), rows.get(same).n);
  }
  for (const [alias, tag] of Object.entries(aliases)) {
    const n = index.get(tag.toLowerCase()) ?? index.get(tag.replace(/-.*/, ''));
    if (index.get(alias.replace(/-[^-]*$/, '')) !== n) index.set(alias, n);
  }
  const here = name => new URL('../../' + name, import.meta.url).pathname;
  mkdirSync(here('testdata'), {recursive: true});
  writeFileSync(here('testdata/money_cldr.tsv'), samples(tags));
  writeFileSync(here('money_cldr.go'), execFileSync('gofmt', {input: table(rows, index)}));
  console.log(`${tags.length} locales, ${index.size} tags, ${rows.size} rows`);
}

if (process.argv[2] === 'answer') {
  const asked = JSON.parse(readFileSync(0, 'utf8'));
  console.log(JSON.stringify({
    cldr: process.versions.cldr, tags, currencies,
    money: (asked.money ?? []).map(q => intlMoney(...q)),
    dates: (asked.dates ?? []).map(q => intlDate(...q)),
  }));
} else {
  write();
}
