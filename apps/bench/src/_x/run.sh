cd /work/main/apps/bench/src/_x
for v in "" map; do
rm -rf v; cp -r /work/main/packages/backend-memory/src v; /work/main/node_modules/.bin/node abl.mjs $v
sed "s#'@cashews/backend-memory'#'./v/index.ts'#" get10k.ts > getv.ts
echo "== $v"; for i in 1 2; do /work/main/node_modules/.bin/node --conditions=@cashews/source getv.ts | grep -E "get|set"; done
done
