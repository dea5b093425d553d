/** Tables that are filled again and again. All that comes from outside goes in as text, never as markup. */

export interface Column<T> {
  title: string;
  /** What the title is short for. */
  meaning?: string;
  text: (item: T) => string;
  /** Figures stand to the right; a click on the title sorts by this value. */
  value?: (item: T) => number;
  /** Shown where the page is wide enough. */
  isWide?: boolean;
}

export interface TableOptions<T> {
  caption: string;
  columns: readonly Column<T>[];
  /** Class of an item's row. */
  rowClass?: (item: T) => string;
  /** Items are ordered anew by a column; they stay as they are by default. */
  sort?: (items: readonly T[], value: (item: T) => number, isAscending: boolean) => T[];
  /** Shown where there are no items. */
  emptyText: string;
}

export class LiveTable<T> {
  private readonly table: HTMLTableElement;
  private readonly body: HTMLTableSectionElement;
  private readonly heads: HTMLTableCellElement[] = [];
  private items: readonly T[] = [];
  private sortedBy: Column<T> | null = null;
  private isAscending = false;

  /** @param id of a table without content */
  constructor(
    id: string,
    private readonly options: TableOptions<T>,
  ) {
    const table = document.getElementById(id) as HTMLTableElement;
    this.table = table;
    // Narrow pages lay a row out as a card; it stays a row for those who have it read aloud.
    table.role = 'table';
    const caption = table.createCaption();
    caption.textContent = options.caption;
    const head = table.createTHead().insertRow();
    head.role = 'row';
    for (const column of options.columns) head.append(this.headOf(column));
    this.body = table.createTBody();
  }

  show(items: readonly T[]): void {
    this.items = items;
    const { columns, rowClass, emptyText } = this.options;
    const sorted = this.sorted();
    setRowCount(this.body, Math.max(1, sorted.length));
    this.table.classList.toggle('empty', sorted.length === 0);
    if (sorted.length === 0) {
      fillRow(this.body.rows[0], [], '');
      const cell = this.body.rows[0].insertCell();
      cell.colSpan = columns.length;
      cell.textContent = emptyText;
      return;
    }
    for (const [i, item] of sorted.entries()) {
      fillRow(
        this.body.rows[i],
        columns.map((column) => ({ column, item })),
        rowClass?.(item) ?? '',
      );
    }
  }

  private headOf(column: Column<T>): HTMLTableCellElement {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.role = 'columnheader';
    cell.classList.toggle('figure', column.value !== undefined);
    cell.classList.toggle('wide', column.isWide === true);
    if (column.meaning !== undefined) cell.title = column.meaning;
    this.heads.push(cell);
    if (column.value === undefined || this.options.sort === undefined) {
      cell.textContent = column.title;
      return cell;
    }
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = column.title;
    if (column.meaning !== undefined) button.setAttribute('aria-label', column.meaning);
    button.addEventListener('click', () => this.sortBy(column));
    cell.append(button);
    return cell;
  }

  /** Largest first, then smallest first, then as they came. */
  private sortBy(column: Column<T>): void {
    if (this.sortedBy !== column) {
      this.sortedBy = column;
      this.isAscending = false;
    } else if (this.isAscending) this.sortedBy = null;
    else this.isAscending = true;
    const order = this.isAscending ? 'ascending' : 'descending';
    for (const [i, cell] of this.heads.entries()) {
      const isSorted = this.options.columns[i] === this.sortedBy;
      if (isSorted) cell.setAttribute('aria-sort', order);
      else cell.removeAttribute('aria-sort');
    }
    this.show(this.items);
  }

  private sorted(): readonly T[] {
    const value = this.sortedBy?.value;
    const { sort } = this.options;
    if (value === undefined || sort === undefined) return this.items;
    return sort(this.items, value, this.isAscending);
  }
}

function setRowCount(body: HTMLTableSectionElement, count: number): void {
  while (body.rows.length > count) body.deleteRow(-1);
  while (body.rows.length < count) body.insertRow().role = 'row';
}

interface Filling<T> {
  column: Column<T>;
  item: T;
}

/** Only what has changed is touched, so that a selection and a reader's place stay. */
function fillRow<T>(
  row: HTMLTableRowElement,
  fillings: readonly Filling<T>[],
  className: string,
): void {
  if (row.className !== className) row.className = className;
  if (row.cells.length !== fillings.length || row.cells[0]?.colSpan !== 1) {
    row.replaceChildren(...fillings.map(({ column }, i) => cellOf(column, i === 0)));
  }
  for (const [i, { column, item }] of fillings.entries()) {
    const cell = row.cells[i];
    const text = column.text(item);
    if (cell.textContent !== text) cell.textContent = text;
    if (column.value === undefined) continue;
    const value = String(column.value(item));
    if (cell.dataset['value'] !== value) cell.dataset['value'] = value;
  }
}

/** The first cell names the row. The title goes with each cell: narrow pages show it beside the figure. */
function cellOf<T>(column: Column<T>, isName: boolean): HTMLTableCellElement {
  const cell = document.createElement(isName ? 'th' : 'td');
  if (isName) cell.scope = 'row';
  cell.role = isName ? 'rowheader' : 'cell';
  cell.dataset['title'] = column.title;
  cell.classList.toggle('figure', column.value !== undefined);
  cell.classList.toggle('wide', column.isWide === true);
  return cell;
}
