// SPDX-License-Identifier: Apache-2.0
// What the page gains with JavaScript: hover, brush, search, sort, filter, a link that keeps them,
// and files of what is shown. Without it, all of the page is there. Texts of the run reach the page
// as textContent only.
(() => {
'use strict';

const byId = (id) => document.getElementById(id);
const make = (tag, attributes, text) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
};
const SVG = 'http://www.w3.org/2000/svg';
const data = JSON.parse(byId('page-data').textContent);
const root = document.documentElement;
const table = byId('rows');
const kShown = 200;  // rows of the table at first

// ---- the rows of the run: the table is their only copy

const titles = table ? [...table.tHead.rows[0].cells].map((cell) => cell.textContent) : [];
const rows = table ? [...table.tBodies[0].rows].map((node, index) => {
  const cells = [...node.cells].map((cell) => cell.textContent);
  node.dataset.row = cells[0];
  return {node, index, row: cells[0], split: cells[1], cells, text: cells[cells.length - 1],
          lower: cells[cells.length - 1].toLowerCase()};
}) : [];
const byRow = new Map(rows.map((row) => [row.row, row]));

// ---- marks of the charts, by row

const charts = [...document.querySelectorAll('svg.gn-figure')];
const marks = [];  // {node, rows, svg}
for (const svg of charts)
  for (const node of svg.querySelectorAll('[data-row]'))
    marks.push({node, svg, rows: node.dataset.row.split(' ')});
const marksOfRow = new Map();
for (const mark of marks)
  for (const row of mark.rows) {
    if (!marksOfRow.has(row)) marksOfRow.set(row, []);
    marksOfRow.get(row).push(mark);
  }
// Where the charts are of different texts, a row of one is not that of another.
const brushable = data.linked === false ? [] : charts.filter((svg) => svg.querySelector('[data-row]'));

// ---- state, and the fragment of the address that keeps it

const state = {selected: new Set(), query: '', split: '', sort: -1, down: false, theme: '', more: 0};

const ranges = (numbers) => {
  const sorted = [...numbers].map(Number).sort((a, b) => a - b);
  const parts = [];
  for (let i = 0; i < sorted.length; ++i) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === sorted[j] + 1) ++j;
    parts.push(j > i ? `${sorted[i]}-${sorted[j]}` : `${sorted[i]}`);
    i = j;
  }
  return parts.join(',');
};
const expanded = (text) => {
  const found = new Set();
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), Number(match[1]) + rows.length);
    for (let row = Number(match[1]); row <= last; ++row)
      if (byRow.has(String(row))) found.add(String(row));
  }
  return found;
};
const readAddress = () => {
  const fragment = location.hash.slice(1);
  if (!fragment.includes('=')) return;
  const values = new URLSearchParams(fragment);
  state.selected = expanded(values.get('sel') ?? '');
  state.query = values.get('q') ?? '';
  state.split = values.get('split') ?? '';
  const sort = /^(-?)(\d+)$/.exec(values.get('sort') ?? '');
  state.sort = sort && Number(sort[2]) < titles.length ? Number(sort[2]) : -1;
  state.down = Boolean(sort && sort[1]);
  const theme = values.get('theme') ?? '';
  state.theme = theme === 'light' || theme === 'dark' ? theme : '';
};
const writeAddress = () => {
  const values = new URLSearchParams();
  if (state.selected.size) values.set('sel', ranges(state.selected));
  if (state.query) values.set('q', state.query);
  if (state.split) values.set('split', state.split);
  if (state.sort >= 0) values.set('sort', (state.down ? '-' : '') + state.sort);
  if (state.theme) values.set('theme', state.theme);
  const text = values.toString().replaceAll('%2C', ',');
  if (text || location.hash.includes('='))
    history.replaceState(null, '', text ? '#' + text : location.pathname + location.search);
};

// ---- what is shown

const passes = (row) => (!state.split || row.split === state.split) &&
                        (!state.query || row.lower.includes(state.query.toLowerCase()));
let status = null;
let moreButton = null;

const sortRows = () => {
  const order = [...rows];
  if (state.sort >= 0) {
    const column = state.sort;
    const value = (row) => {
      const text = row.cells[column];
      const number = parseFloat(text);
      return Number.isNaN(number) ? text : number;
    };
    const isText = column === titles.length - 1 || titles[column] === 'part';
    order.sort((a, b) => {
      const x = isText ? a.cells[column] : value(a);
      const y = isText ? b.cells[column] : value(b);
      const less = x < y ? -1 : x > y ? 1 : a.index - b.index;
      return state.down ? -less : less;
    });
  }
  table.tBodies[0].append(...order.map((row) => row.node));
  return order;
};
let order = rows;
let sorted = '';

const show = () => {
  if (state.theme) root.dataset.theme = state.theme; else delete root.dataset.theme;
  const has = state.selected.size > 0;
  const filtered = state.split || state.query;
  for (const svg of brushable) svg.classList.toggle('choice', has);
  for (const mark of marks) {
    mark.node.classList.toggle('on', has && mark.rows.some((row) => state.selected.has(row)));
    mark.node.classList.toggle('out', Boolean(filtered) && mark.rows.every((row) => {
      const known = byRow.get(row);
      return known && !passes(known);
    }));
  }
  if (table) {
    const key = `${state.sort} ${state.down}`;
    if (key !== sorted) {
      order = sortRows();
      sorted = key;
    }
    let n = 0;
    for (const row of order) {
      const on = state.selected.has(row.row);
      const wanted = passes(row) && (!has || on);
      if (wanted) ++n;
      row.node.hidden = !wanted || n > kShown + state.more;
      row.node.classList.toggle('on', on);
    }
    [...table.tHead.rows[0].cells].forEach((cell, i) => {
      if (i === state.sort) cell.setAttribute('aria-sort', state.down ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    });
    const left = n - kShown - state.more;
    moreButton.hidden = left <= 0;
    moreButton.textContent = `Show ${Math.min(left, 1000)} more`;
    status.textContent = has ? `${state.selected.size} selected, ${n} shown`
                             : filtered ? `${n} of ${rows.length}` : `${rows.length} texts`;
    if (search.value !== state.query) search.value = state.query;
    splits.value = state.split;
    clear.hidden = !has && !filtered;
  }
  writeAddress();
};
const select = (chosen) => {
  state.selected = chosen;
  state.more = 0;
  show();
};

// ---- tools of the page and of the table

const themeButton = make('button', {type: 'button'}, 'Light or dark');
themeButton.addEventListener('click', () => {
  const dark = state.theme ? state.theme === 'dark'
                           : matchMedia('(prefers-color-scheme: dark)').matches;
  state.theme = dark ? 'light' : 'dark';
  show();
});
const pageTools = byId('page-tools');
pageTools.className = 'tools';
pageTools.append(themeButton);

let search, splits, clear;
if (table) {
  const tools = byId('text-tools');
  tools.className = 'tools';
  search = make('input', {type: 'search', 'aria-label': 'Search in texts', placeholder: 'Search in texts'});
  search.addEventListener('input', () => {
    state.query = search.value;
    state.more = 0;
    show();
  });
  splits = make('select', {'aria-label': 'Part'});
  splits.append(make('option', {value: ''}, 'all parts'));
  for (const split of [...new Set(rows.map((row) => row.split))].sort())
    splits.append(make('option', {value: split}, split));
  splits.addEventListener('change', () => {
    state.split = splits.value;
    state.more = 0;
    show();
  });
  clear = make('button', {type: 'button'}, 'Clear');
  clear.addEventListener('click', () => {
    state.query = state.split = '';
    select(new Set());
  });
  status = make('span', {role: 'status', 'aria-live': 'polite'});
  const save = make('button', {type: 'button'}, 'Save shown rows as CSV');
  save.addEventListener('click', () => saveRows());
  tools.append(search, splits, clear, save, status);
  moreButton = make('button', {type: 'button'}, 'Show more');
  moreButton.addEventListener('click', () => {
    state.more += 1000;
    show();
  });
  table.parentNode.after(moreButton);
  [...table.tHead.rows[0].cells].forEach((cell, i) => {
    const button = make('button', {type: 'button', title: 'Sort'}, cell.textContent);
    button.addEventListener('click', () => {
      state.down = state.sort === i ? !state.down : false;
      state.sort = i;
      show();
    });
    cell.replaceChildren(button);
  });
}

// ---- hover

const tip = make('div', {id: 'tip', hidden: '', 'aria-hidden': 'true'});
document.body.append(tip);
let near = [];
const unmark = () => {
  for (const node of near) node.classList.remove('near');
  near = [];
  tip.hidden = true;
};
const mark = (names) => {
  unmark();
  for (const name of names) {
    const known = byRow.get(name);
    if (known) near.push(known.node);
    for (const one of marksOfRow.get(name) ?? []) near.push(one.node);
  }
  for (const node of near) node.classList.add('near');
};
const describe = (name) => {
  const known = byRow.get(name);
  if (!known) return [`row ${name}`, 'not among the rows of this page'];
  const numbers = titles.slice(1, -1).map((title, i) => `${title} ${known.cells[i + 1]}`);
  const text = known.text.length > 300 ? known.text.slice(0, 300) + '…' : known.text;
  return [`row ${name} · ${numbers.join(' · ')}`, text];
};
const place = (x, y) => {
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? Math.max(4, x - 14 - box.width) : x + 14;
  const top = y + 14 + box.height > innerHeight ? Math.max(4, y - 14 - box.height) : y + 14;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
};
const hover = (event) => {
  const node = event.target.closest?.('svg [data-row]');
  if (!node) {
    if (!event.target.closest?.('#rows')) unmark();
    return;
  }
  const names = node.dataset.row.split(' ');
  mark(names);
  tip.replaceChildren();
  for (const name of names.slice(0, 3)) {
    const [numbers, text] = describe(name);
    tip.append(make('b', {}, numbers), make('span', {dir: 'auto'}, text));
  }
  if (names.length > 3) tip.append(make('b', {}, `and ${names.length - 3} more at this place`));
  tip.hidden = false;
  place(event.clientX, event.clientY);
};
document.addEventListener('pointerover', hover);
document.addEventListener('pointerdown', hover);
if (table) {
  table.tBodies[0].addEventListener('pointerover', (event) => {
    const row = event.target.closest('tr');
    if (row) mark([row.dataset.row]);
  });
  table.tBodies[0].addEventListener('pointerleave', unmark);
}

// ---- brush: a pointer draws a rectangle, arrow keys move one

const centre = (node) => {
  const box = node.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
};
const rowsWithin = (svg, left, top, right, bottom) => {
  const found = new Set();
  for (const one of marks) {
    if (one.svg !== svg || one.node.classList.contains('out')) continue;
    const [x, y] = centre(one.node);
    if (x >= left && x <= right && y >= top && y <= bottom)
      for (const row of one.rows) found.add(row);
  }
  return found;
};
// A rectangle in the coordinates of the plotting area, given corners on the screen.
const draw = (frame, area, left, top, right, bottom) => {
  const inverse = area.getScreenCTM().inverse();
  const a = new DOMPoint(left, top).matrixTransform(inverse);
  const b = new DOMPoint(right, bottom).matrixTransform(inverse);
  frame.setAttribute('x', a.x);
  frame.setAttribute('y', a.y);
  frame.setAttribute('width', Math.max(0, b.x - a.x));
  frame.setAttribute('height', Math.max(0, b.y - a.y));
};
const frames = [];
const forget = (except) => {
  for (const frame of frames) if (frame !== except) frame.setAttribute('width', 0);
};

const brush = (svg, area) => {
  const frame = document.createElementNS(SVG, 'rect');
  frame.setAttribute('class', 'brush');
  frame.setAttribute('width', 0);
  area.parentNode.append(frame);
  frames.push(frame);
  let start = null;
  svg.addEventListener('pointerdown', (event) => {
    const box = area.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right &&
                   event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside || event.button !== 0 || event.pointerType === 'touch') return;
    start = [event.clientX, event.clientY];
    svg.setPointerCapture(event.pointerId);
  });
  const corners = (event) => {
    const box = area.getBoundingClientRect();
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    const x = clamp(event.clientX, box.left, box.right);
    const y = clamp(event.clientY, box.top, box.bottom);
    return [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)];
  };
  svg.addEventListener('pointermove', (event) => {
    if (!start) return;
    unmark();
    draw(frame, area, ...corners(event));
  });
  svg.addEventListener('pointerup', (event) => {
    if (!start) return;
    const [left, top, right, bottom] = corners(event);
    start = null;
    forget(frame);
    if (right - left < 4 && bottom - top < 4) {
      frame.setAttribute('width', 0);
      const node = document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-row]');
      select(new Set(node ? node.dataset.row.split(' ') : []));
      return;
    }
    select(rowsWithin(svg, left, top, right, bottom));
  });
  svg.addEventListener('pointercancel', () => { start = null; });

  // A window of a tenth of the width; arrow keys move it, with shift they resize it.
  let from = 0.45, to = 0.55;
  area.setAttribute('tabindex', '0');
  area.setAttribute('role', 'application');
  const name = area.closest('.gn-panel')?.dataset.panel ?? svg.dataset.figure;
  area.setAttribute('aria-label', `Brush over ${name}: left and right move it, with shift they change ` +
                                  'its width, escape clears it');
  area.addEventListener('keydown', (event) => {
    const step = {ArrowLeft: -0.05, ArrowRight: 0.05}[event.key];
    if (event.key === 'Escape') {
      forget();
      select(new Set());
      return;
    }
    if (step === undefined) return;
    event.preventDefault();
    if (event.shiftKey) {
      to = Math.min(1, Math.max(from + 0.05, to + step));
    } else {
      const move = Math.min(Math.max(step, -from), 1 - to);
      from += move;
      to += move;
    }
    const box = area.getBoundingClientRect();
    const edges = [box.left + from * box.width, box.top, box.left + to * box.width, box.bottom];
    forget(frame);
    draw(frame, area, ...edges);
    select(rowsWithin(svg, ...edges));
  });
};
for (const svg of brushable) {
  // An image has no parts that can be focused.
  svg.setAttribute('role', 'group');
  for (const area of svg.querySelectorAll('rect[data-brush]')) brush(svg, area);
}
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') unmark();
});

// ---- files

const save = (name, type, content) => {
  const link = make('a', {download: name});
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type}));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const csv = (lines) => lines.map((line) => line.map((value) => {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}).join(',')).join('\n') + '\n';

const projections = Object.entries(data.columns ?? {});
const saveRows = () => {
  const has = state.selected.size > 0;
  const kept = order.filter((row) => passes(row) && (!has || state.selected.has(row.row)));
  const head = [...titles.slice(0, -1), ...projections.map(([name]) => name), 'text'];
  save('rows.csv', 'text/csv', csv([head, ...kept.map((row) => [
    ...row.cells.slice(0, -1), ...projections.map(([, values]) => values[row.index]), row.text])]));
};
// Colours as they are on the page, in a file that has no style sheet.
const standalone = (svg) => {
  const copy = svg.cloneNode(true);
  for (const node of copy.querySelectorAll('.brush')) node.remove();
  for (const node of copy.querySelectorAll('.out')) node.remove();
  const width = svg.viewBox.baseVal.width, height = svg.viewBox.baseVal.height;
  const paper = document.createElementNS(SVG, 'rect');
  for (const [name, value] of Object.entries({width, height, fill: 'var(--gn-paper)'}))
    paper.setAttribute(name, value);
  copy.prepend(paper);
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  copy.removeAttribute('class');
  const style = getComputedStyle(root);
  return new XMLSerializer().serializeToString(copy).replace(
      /var\((--gn-[a-z0-9-]+)\)/g, (whole, name) => style.getPropertyValue(name).trim() || whole);
};
const savePicture = (svg, name) => {
  const text = standalone(svg);
  const image = new Image();
  image.addEventListener('load', () => {
    const canvas = document.createElement('canvas');
    canvas.width = 2 * svg.viewBox.baseVal.width;
    canvas.height = 2 * svg.viewBox.baseVal.height;
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => { if (blob) save(name + '.png', 'image/png', blob); });
  });
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text);
};
for (const figure of document.querySelectorAll('figure')) {
  const svg = figure.querySelector('svg.gn-figure');
  if (!svg) continue;
  const name = figure.dataset.name;
  const tools = make('div', {class: 'tools'});
  const button = (label, action) => {
    const node = make('button', {type: 'button', 'aria-label': `${label}: ${svg.getAttribute('aria-label')}`}, label);
    node.addEventListener('click', action);
    tools.append(node);
  };
  button('SVG', () => save(name + '.svg', 'image/svg+xml', standalone(svg)));
  button('PNG', () => savePicture(svg, name));
  const twin = figure.querySelector('details table');
  if (twin) {
    button('CSV', () => save(name + '.csv', 'text/csv', csv([...twin.rows].map(
        (row) => [...row.cells].map((cell) => cell.textContent)))));
  } else if (table && svg.querySelector('[data-row]')) {
    button('CSV', saveRows);
  }
  figure.append(tools);
}

// A region that does not scroll is no stop for the keyboard.
for (const region of document.querySelectorAll('.wide,.chart,pre[tabindex]'))
  if (region.scrollWidth <= region.clientWidth && region.scrollHeight <= region.clientHeight &&
      !region.closest('details'))
    region.removeAttribute('tabindex');

addEventListener('hashchange', () => {
  if (!location.hash.includes('=')) return;
  readAddress();
  show();
});
readAddress();
show();
})();
